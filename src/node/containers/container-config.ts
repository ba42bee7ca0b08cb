import type { Pod, Service } from '../../api/gen/types/core.v1.ts';
import type { NodeComponentOptions } from '../options.ts';
import { graceSecondsOf, identity, type PodContainer, spec } from '../pods/pod.ts';
import type { ContainerSpec, Image, Mount, SandboxSpec } from '../runtime/runtime.ts';
import type { Devices } from '../devices/allocations.ts';
import type { DeviceEdits } from '../devices/source.ts';
import type { VolumePaths } from '../volumes/paths.ts';
import type { MountedVolume } from '../volumes/volume.ts';
import { containerAnnotations, containerLabels, sandboxLabels } from './annotations.ts';
import { dnsOf } from './dns.ts';
import { type EnvironmentSources, environmentOf } from './environment.ts';
import { expand } from './expansion.ts';
import { hostnameOf, hostsFile } from './hosts-file.ts';
import { mountsOf, volumeDevicesOf } from './mounts.ts';
import { linuxResources } from './resources.ts';
import { securityOf } from './security.ts';
import { serviceEnvironment } from './service-env.ts';

export interface ContainerFacts {
  readonly options: NodeComponentOptions;
  readonly paths: VolumePaths;
  readonly pod: Pod;
  readonly container: PodContainer;
  readonly attempt: number;
  readonly image: Image;
  readonly podIps: readonly string[];
  readonly services: readonly Service[];
  readonly sources: EnvironmentSources;
  readonly devices: Devices;
  /** What the devices need in the container. */
  readonly edits: readonly DeviceEdits[];
  readonly volume: (name: string) => MountedVolume | undefined;
}

/** The container as the runtime is to make it. Writes its hosts file and termination log, binds subPaths. Throws StartFailure. */
export async function containerConfig(facts: ContainerFacts): Promise<ContainerSpec> {
  const { options, paths, pod, container, attempt, image } = facts;
  const { host, nodeName, machine, addresses } = options;
  const id = identity(pod);
  const own = container.spec;
  const podIps = spec(pod).hostNetwork === true ? addresses : facts.podIps;
  const downward = { pod, hostIps: addresses, podIps, nodeName, machine };
  const services = spec(pod).enableServiceLinks === false ? facts.services.filter(isMaster) : facts.services;
  const variables = await environmentOf(own, downward, serviceEnvironment(services), facts.sources);
  const mountFacts = { host, paths, id, volume: facts.volume, variables };
  const mounts = await mountsOf(own, mountFacts);
  const terminationLog = `${paths.container(id.uid, own.name)}/${attempt}`;
  const lookup = (name: string): string | undefined => variables.get(name);
  return {
    podUid: id.uid,
    podName: id.name,
    podNamespace: id.namespace,
    name: own.name,
    attempt,
    imageRef: image.id,
    imageName: own.image ?? '',
    command: (own.command ?? []).map((part) => expand(part, lookup)),
    args: (own.args ?? []).map((part) => expand(part, lookup)),
    workingDir: own.workingDir ?? '',
    env: [...variables, ...facts.edits.flatMap((e) => Object.entries(e.env))].map(([name, value]) => ({ name, value })),
    mounts: [
      ...mounts,
      ...(await ownMounts(facts, mounts, podIps, terminationLog)),
      ...facts.edits.flatMap((e) => e.mounts.map((m) => ({ ...m, propagation: 'private' as const }))),
    ],
    devices: [...volumeDevicesOf(own, mountFacts), ...facts.edits.flatMap((e) => e.devices)],
    resources: linuxResources(pod, own, machine.memoryBytes),
    security: securityOf(pod, own, image, `${options.rootDirectory}/seccomp`),
    logPath: `${own.name}/${attempt}.log`,
    stdin: own.stdin === true,
    stdinOnce: own.stdinOnce === true,
    tty: own.tty === true,
    labels: containerLabels(id, own.name),
    annotations: containerAnnotations(container, { graceSeconds: graceSecondsOf(pod), terminationLog, devices: facts.devices }),
  };
}

/** The API server's own Service is told of even where the others are not. */
function isMaster({ metadata }: Service): boolean {
  return metadata?.namespace === 'default' && metadata.name === 'kubernetes';
}

/** What every container gets, unless it mounts something of its own there. */
async function ownMounts(
  { options, paths, pod, container }: ContainerFacts,
  mounts: readonly Mount[],
  podIps: readonly string[],
  terminationLog: string,
): Promise<readonly Mount[]> {
  const { files } = options.host;
  const { uid } = identity(pod);
  const has = (path: string): boolean => mounts.some((m) => m.containerPath === path);
  const own: Mount[] = [];
  if (!has('/etc/hosts')) {
    const nodeFile = spec(pod).hostNetwork === true ? await files.readText('/etc/hosts').catch(() => '127.0.0.1\tlocalhost\n') : '';
    const names = hostnameOf(pod, options.dns.domain, options.machine.hostname);
    await files.writeFileAtomic(paths.etcHosts(uid), hostsFile(pod, podIps, names, nodeFile), { mode: 0o644 });
    own.push({
      hostPath: paths.etcHosts(uid),
      containerPath: '/etc/hosts',
      readOnly: container.spec.securityContext?.readOnlyRootFilesystem === true,
      propagation: 'private',
    });
  }
  const path = container.spec.terminationMessagePath ?? '/dev/termination-log';
  if (path !== '' && !has(path)) {
    await files.makeDirectory(paths.container(uid, container.spec.name), { mode: 0o750 });
    await files.writeFileAtomic(terminationLog, '', { mode: 0o666 });
    own.push({ hostPath: terminationLog, containerPath: path, readOnly: false, propagation: 'private' });
  }
  return own;
}

export interface SandboxFacts {
  readonly options: NodeComponentOptions;
  /** Of the pod's RuntimeClass; empty for the default. */
  readonly runtimeHandler: string;
  readonly pod: Pod;
  readonly attempt: number;
}

export function sandboxConfig({ options, pod, attempt, runtimeHandler }: SandboxFacts): SandboxSpec {
  const id = identity(pod);
  const s = spec(pod);
  const security = s.securityContext ?? {};
  const { hostname, domain } = hostnameOf(pod, options.dns.domain, options.machine.hostname);
  return {
    podUid: id.uid,
    podName: id.name,
    podNamespace: id.namespace,
    attempt,
    hostname: s.setHostnameAsFQDN === true && domain !== '' ? `${hostname}.${domain}` : hostname,
    logDirectory: podLogDirectory(options, pod),
    dns: dnsOf(pod, options.dns),
    hostNetwork: s.hostNetwork === true,
    hostPid: s.hostPID === true,
    hostIpc: s.hostIPC === true,
    shareProcessNamespace: s.shareProcessNamespace === true,
    cgroupParent: options.cgroupParent,
    sysctls: Object.fromEntries((security.sysctls ?? []).map(({ name, value }) => [name, value])),
    portMappings: portMappings(pod),
    labels: sandboxLabels(id, pod.metadata?.labels),
    annotations: pod.metadata?.annotations ?? {},
    runtimeHandler,
    ...(security.runAsUser === undefined ? {} : { runAsUser: security.runAsUser }),
    ...(security.runAsGroup === undefined ? {} : { runAsGroup: security.runAsGroup }),
    supplementalGroups: [...(security.supplementalGroups ?? []), ...(security.fsGroup === undefined ? [] : [security.fsGroup])],
    privileged: [...(s.initContainers ?? []), ...s.containers].some((c) => c.securityContext?.privileged === true),
    readOnlyRootFilesystem: false,
  };
}

/** `<directory>/<namespace>_<name>_<uid>`. */
export function podLogDirectory({ podLogDirectory: root }: Pick<NodeComponentOptions, 'podLogDirectory'>, pod: Pod): string {
  const { uid, name, namespace } = identity(pod);
  return `${root}/${namespace}_${name}_${uid}`;
}

function portMappings(pod: Pod): SandboxSpec['portMappings'] {
  if (spec(pod).hostNetwork === true) return [];
  return [...(spec(pod).initContainers ?? []), ...spec(pod).containers].flatMap((c) =>
    (c.ports ?? []).flatMap(({ containerPort, hostPort = 0, hostIP = '', protocol = 'TCP' }) =>
      hostPort === 0 ? [] : [{ protocol: protocol === 'UDP' || protocol === 'SCTP' ? protocol : 'TCP', containerPort, hostPort, hostIp: hostIP } as const],
    ),
  );
}
