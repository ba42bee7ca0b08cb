import { getOwn } from '../../machinery/record.ts';
import type { FieldPath } from '../../machinery/field-error.ts';
import { semanticEqual } from '../equal.ts';
import type * as core from '../gen/types/core.v1.ts';
import { isEmpty } from '../checks.ts';
import { fractionWarnings } from './resources.warnings.ts';
import type { PlacedContainer } from './placed-containers.ts';
import { APP_ARMOR, appArmorOf } from './pod.preparation.ts';

type AnyContainer = core.Container | core.EphemeralContainer;

export function containersWarnings(
  containers: readonly PlacedContainer[],
  spec: core.PodSpec,
  annotations: Readonly<Record<string, string>>,
  annotationPath: FieldPath,
): readonly string[] {
  const out: string[] = [];
  for (const { container, path } of containers) {
    out.push(...annotationWarnings(container, spec, annotations, annotationPath));
    for (const name of ['memory', 'ephemeral-storage'])
      for (const part of ['limits', 'requests'] as const) {
        const amount = container.resources?.[part]?.[name];
        if (amount !== undefined) out.push(...fractionWarnings(amount, path.child('resources', part).key(name)));
      }
    out.push(...envWarnings(container.env, path.child('env')));
  }
  return [...out, ...portWarnings(containers), ...portNameWarnings(containers)];
}

const SECCOMP = 'container.seccomp.security.alpha.kubernetes.io/';

function annotationWarnings(
  { name, securityContext }: AnyContainer,
  spec: core.PodSpec,
  annotations: Readonly<Record<string, string>>,
  path: FieldPath,
): readonly string[] {
  const out: string[] = [];
  if (securityContext?.seccompProfile === undefined && Object.hasOwn(annotations, SECCOMP + name))
    out.push(`${path.key(SECCOMP + name)}: non-functional in v1.27+; use the "seccompProfile" field instead`);
  const annotation = getOwn(annotations, APP_ARMOR + name);
  const own = securityContext?.appArmorProfile;
  // A pod has got its field from the annotation by now; a template is left as it is.
  const isAdopted = own !== undefined && path.toString() === 'metadata.annotations' && semanticEqual(own, appArmorOf(annotation ?? ''));
  if (annotation !== undefined && (isAdopted || (own === undefined && spec.securityContext?.appArmorProfile === undefined)))
    out.push(`${path.key(APP_ARMOR + name)}: deprecated since v1.30; use the "appArmorProfile" field instead`);
  return out;
}

/** A second value is fine only when it is made from the first. */
function envWarnings(env: readonly core.EnvVar[] | undefined, path: FieldPath): readonly string[] {
  const out: string[] = [];
  if (env === undefined) return out;
  const seen = new Set<string>();
  for (let i = 0; i < env.length; i++) {
    const { name, value = '', valueFrom } = env[i] as core.EnvVar;
    if (!seen.has(name)) {
      seen.add(name);
      continue;
    }
    const before = `$(${name})`;
    if (valueFrom !== undefined || value === before || !value.includes(before))
      out.push(`${path.index(i)}: hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`);
  }
  return out;
}

interface PlacedPort {
  readonly port: core.ContainerPort;
  readonly path: FieldPath;
}

function portWarnings(containers: readonly PlacedContainer[]): readonly string[] {
  const out: string[] = [];
  const all = new Map<string, PlacedPort[]>();
  for (const { container, path } of containers) {
    for (const [i, port] of (container.ports ?? []).entries()) {
      const at = path.child('ports').index(i);
      if (!isEmpty(port.hostIP) && (port.hostPort ?? 0) === 0) out.push(`${at}: hostIP set without hostPort: ${formatPort(port)}`);
      const key = `${port.containerPort}/${port.protocol ?? ''}`;
      const others = all.get(key) ?? [];
      for (const other of others) out.push(...overlap({ port, path: at }, other));
      all.set(key, [...others, { port, path: at }]);
    }
  }
  return out;
}

/** A port is found by its name: the first of that name is. */
function portNameWarnings(containers: readonly PlacedContainer[]): readonly string[] {
  const out: string[] = [];
  const first = new Map<string, FieldPath>();
  for (const { container, path } of containers) {
    for (const [i, { name = '' }] of (container.ports ?? []).entries()) {
      if (name === '') continue;
      const at = path.child('ports').index(i);
      const other = first.get(name);
      if (other === undefined) first.set(name, at);
      else out.push(`${at}: duplicate port name ${JSON.stringify(name)} with ${other}, services and probes that select ports by name will use ${other}`);
    }
  }
  return out;
}

function overlap({ port, path }: PlacedPort, other: PlacedPort): readonly string[] {
  const [host, otherHost] = [port.hostPort ?? 0, other.port.hostPort ?? 0];
  const [ip, otherIp] = [port.hostIP ?? '', other.port.hostIP ?? ''];
  if (host === otherHost && ip === otherIp) return [`${path}: duplicate port definition with ${other.path}`];
  if (host === 0 || otherHost === 0) return [`${path}: overlapping port definition with ${other.path}`];
  return host === otherHost && (ip === '') !== (otherIp === '') ? [`${path}: dangerously ambiguous port definition with ${other.path}`] : [];
}

/** As Go prints the structure. */
const formatPort = ({ name = '', hostPort = 0, containerPort, protocol = '', hostIP = '' }: core.ContainerPort): string =>
  `{Name:${name} HostPort:${hostPort} ContainerPort:${containerPort} Protocol:${protocol} HostIP:${hostIP}}`;
