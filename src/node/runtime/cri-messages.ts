import type {
  Container as CriContainer,
  ContainerConfigInput,
  ContainerState,
  ContainerStatus,
  LinuxContainerResourcesInput,
  LinuxContainerSecurityContextInput,
  NamespaceOptionInput,
  PodSandbox,
  PodSandboxConfigInput,
  PodSandboxStatus,
  SecurityProfileInput,
} from './gen/cri.types.ts';
import type { Container, ContainerSecurity, ContainerSpec, LinuxResources, Sandbox, SandboxSpec } from './runtime.ts';

/** What CRI tools show by; kubelet writes the same. */
const POD_NAME = 'io.kubernetes.pod.name';
const POD_NAMESPACE = 'io.kubernetes.pod.namespace';
const POD_UID = 'io.kubernetes.pod.uid';
const CONTAINER_NAME = 'io.kubernetes.container.name';
/** The mark of everything that a cluster made (law 11). */
export const CLUSTER_LABEL = 'berth.dev/cluster';

const int64 = (value: number | undefined): { value: number } | undefined => (value === undefined ? undefined : { value });

function namespaces(
  of: { readonly hostNetwork: boolean; readonly hostPid: boolean; readonly hostIpc: boolean; readonly shareProcessNamespace: boolean },
  sandbox: boolean,
): NamespaceOptionInput {
  return {
    network: of.hostNetwork ? 'NODE' : 'POD',
    // A sandbox always has a pid namespace of its pod, so that containers may join it; which do is said of each.
    pid: of.hostPid ? 'NODE' : of.shareProcessNamespace || sandbox ? 'POD' : 'CONTAINER',
    ipc: of.hostIpc ? 'NODE' : 'POD',
  };
}

function seccomp(profile: ContainerSecurity['seccomp']): SecurityProfileInput {
  return profile.type === 'Localhost' ? { profile_type: 'Localhost', localhost_ref: profile.path } : { profile_type: profile.type };
}

export function sandboxConfig(spec: SandboxSpec, clusterId: string): PodSandboxConfigInput {
  return {
    metadata: { name: spec.podName, uid: spec.podUid, namespace: spec.podNamespace, attempt: spec.attempt },
    // Of a pod on the host's network the name is the host's.
    hostname: spec.hostNetwork ? '' : spec.hostname,
    log_directory: spec.logDirectory,
    dns_config: spec.dns,
    port_mappings: spec.portMappings.map(({ protocol, containerPort, hostPort, hostIp }) => ({
      protocol,
      container_port: containerPort,
      host_port: hostPort,
      host_ip: hostIp,
    })),
    labels: { ...spec.labels, [POD_NAME]: spec.podName, [POD_NAMESPACE]: spec.podNamespace, [POD_UID]: spec.podUid, [CLUSTER_LABEL]: clusterId },
    annotations: spec.annotations,
    linux: {
      cgroup_parent: spec.cgroupParent,
      sysctls: spec.sysctls,
      security_context: {
        namespace_options: namespaces(spec, true),
        run_as_user: int64(spec.runAsUser),
        run_as_group: spec.runAsUser === undefined ? undefined : int64(spec.runAsGroup),
        supplemental_groups: spec.supplementalGroups,
        privileged: spec.privileged,
        readonly_rootfs: spec.readOnlyRootFilesystem,
        seccomp: { profile_type: spec.privileged ? 'Unconfined' : 'RuntimeDefault' },
      },
    },
  };
}

export function containerConfig(spec: ContainerSpec, clusterId: string): ContainerConfigInput {
  return {
    metadata: { name: spec.name, attempt: spec.attempt },
    image: { image: spec.imageRef, user_specified_image: spec.imageName },
    command: spec.command,
    args: spec.args,
    working_dir: spec.workingDir,
    envs: spec.env.map(({ name, value }) => ({ key: name, value: encoder.encode(value) })),
    mounts: spec.mounts.map(({ hostPath, containerPath, readOnly, propagation }) => ({
      host_path: hostPath,
      container_path: containerPath,
      readonly: readOnly,
      propagation:
        propagation === 'private' ? 'PROPAGATION_PRIVATE' : propagation === 'bidirectional' ? 'PROPAGATION_BIDIRECTIONAL' : 'PROPAGATION_HOST_TO_CONTAINER',
    })),
    devices: spec.devices.map(({ hostPath, containerPath, permissions }) => ({ host_path: hostPath, container_path: containerPath, permissions })),
    labels: {
      ...spec.labels,
      [POD_NAME]: spec.podName,
      [POD_NAMESPACE]: spec.podNamespace,
      [POD_UID]: spec.podUid,
      [CONTAINER_NAME]: spec.name,
      [CLUSTER_LABEL]: clusterId,
    },
    // The status of a container does not carry the name that the pod used.
    annotations: { ...spec.annotations, [IMAGE_NAME]: spec.imageName },
    log_path: spec.logPath,
    stdin: spec.stdin,
    stdin_once: spec.stdinOnce,
    tty: spec.tty,
    linux: { resources: linuxResources(spec.resources), security_context: security(spec.security) },
  };
}

const encoder = new TextEncoder();
const IMAGE_NAME = 'berth.dev/image-name';

function security(of: ContainerSecurity): LinuxContainerSecurityContextInput {
  return {
    privileged: of.privileged,
    namespace_options: namespaces(of, false),
    run_as_user: int64(of.runAsUser),
    run_as_username: of.runAsUserName,
    // CRI refuses a group without a user.
    run_as_group: of.runAsUser === undefined && of.runAsUserName === undefined ? undefined : int64(of.runAsGroup),
    supplemental_groups: of.supplementalGroups,
    readonly_rootfs: of.readOnlyRootFilesystem,
    no_new_privs: !of.allowPrivilegeEscalation,
    capabilities: { add_capabilities: of.addCapabilities, drop_capabilities: of.dropCapabilities },
    masked_paths: of.maskedPaths,
    readonly_paths: of.readonlyPaths,
    seccomp: seccomp(of.privileged ? { type: 'Unconfined' } : of.seccomp),
  };
}

export function linuxResources(of: LinuxResources): LinuxContainerResourcesInput {
  return {
    cpu_shares: of.cpuShares,
    cpu_quota: of.cpuQuotaUs,
    cpu_period: of.cpuPeriodUs,
    memory_limit_in_bytes: of.memoryLimitBytes,
    oom_score_adj: of.oomScoreAdj,
  };
}

const ms = (nanos: number): number => Math.max(0, Math.floor(nanos / 1e6));

export function readSandbox({ id, metadata, state, created_at, labels, annotations }: PodSandbox | PodSandboxStatus, ips: readonly string[]): Sandbox {
  return {
    id,
    podUid: metadata?.uid ?? '',
    podName: metadata?.name ?? '',
    podNamespace: metadata?.namespace ?? '',
    attempt: metadata?.attempt ?? 0,
    ready: state === 'SANDBOX_READY',
    createdAtMs: ms(created_at),
    ips,
    labels,
    annotations,
  };
}

/** The addresses of a sandbox, the default family first. */
export function sandboxIps({ network }: PodSandboxStatus): readonly string[] {
  if (network === null || network.ip === '') return [];
  return [network.ip, ...network.additional_ips.map(({ ip }) => ip)];
}

const STATES: Readonly<Record<ContainerState, Container['state']>> = {
  CONTAINER_CREATED: 'created',
  CONTAINER_RUNNING: 'running',
  CONTAINER_EXITED: 'exited',
  CONTAINER_UNKNOWN: 'unknown',
};

/** `listed` has what the status lacks: the sandbox. */
export function readContainer(listed: CriContainer, status: ContainerStatus): Container {
  return {
    id: listed.id,
    sandboxId: listed.pod_sandbox_id,
    podUid: listed.labels[POD_UID] ?? '',
    name: listed.metadata?.name ?? '',
    attempt: listed.metadata?.attempt ?? 0,
    state: STATES[status.state],
    imageRef: status.image_ref === '' ? listed.image_ref : status.image_ref,
    imageName: listed.annotations[IMAGE_NAME] ?? status.image?.image ?? '',
    createdAtMs: ms(status.created_at),
    startedAtMs: ms(status.started_at),
    finishedAtMs: ms(status.finished_at),
    exitCode: status.exit_code,
    reason: status.reason,
    message: status.message,
    logPath: status.log_path,
    labels: listed.labels,
    annotations: listed.annotations,
  };
}
