import type { Kind } from '../../api/kind.ts';
import { formatApiVersion } from '../../machinery/object.ts';

/** What is served, by group and version, in the order in which Kubernetes shows it. */
export interface ServedGroup {
  readonly name: string;
  /** The preferred one first. */
  readonly versions: readonly ServedVersion[];
}

export interface ServedVersion {
  readonly version: string;
  /** `apps/v1` */
  readonly groupVersion: string;
  /** By plural. */
  readonly kinds: readonly Kind[];
}

/** Kubernetes' own order of its groups; those that are not here follow by name. */
const GROUP_ORDER: readonly string[] = [
  '',
  'apiregistration.k8s.io',
  'apps',
  'events.k8s.io',
  'authentication.k8s.io',
  'authorization.k8s.io',
  'autoscaling',
  'batch',
  'certificates.k8s.io',
  'networking.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
  'storage.k8s.io',
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'scheduling.k8s.io',
  'coordination.k8s.io',
  'node.k8s.io',
  'discovery.k8s.io',
  'resource.k8s.io',
  'flowcontrol.apiserver.k8s.io',
  'internal.apiserver.k8s.io',
  'storagemigration.k8s.io',
];

export function servedGroups(kinds: readonly Kind[]): readonly ServedGroup[] {
  const groups = Map.groupBy(kinds, ({ group }) => group);
  return [...groups].map(([name, own]) => ({ name, versions: versionsOf(own) })).sort((a, b) => rank(a.name) - rank(b.name) || (a.name < b.name ? -1 : 1));
}

function versionsOf(kinds: readonly Kind[]): readonly ServedVersion[] {
  return [...Map.groupBy(kinds, ({ version }) => version)]
    .map(([version, own]) => ({
      version,
      groupVersion: formatApiVersion({ group: own[0]?.group ?? '', version }),
      kinds: own.toSorted((a, b) => (a.resource < b.resource ? -1 : 1)),
    }))
    .sort((a, b) => compareVersions(b.version, a.version));
}

function rank(group: string): number {
  const at = GROUP_ORDER.indexOf(group);
  return at === -1 ? GROUP_ORDER.length : at;
}

/** Kubernetes' order of versions: v2 over v1 over v1beta2 over v1beta1 over v1alpha1; other words last, by name. */
export function compareVersions(a: string, b: string): number {
  const left = parse(a);
  const right = parse(b);
  if (left === undefined || right === undefined) return left !== undefined ? 1 : right !== undefined ? -1 : a < b ? 1 : a > b ? -1 : 0;
  for (let at = 0; at < left.length; at++) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Stage, major, minor: what is stable beats what is not, whatever its number. */
function parse(version: string): readonly [stage: number, major: number, minor: number] | undefined {
  const match = /^v([1-9][0-9]*)(?:(alpha|beta)([1-9][0-9]*))?$/.exec(version);
  if (match === null) return undefined;
  const [, major, stage, minor] = match;
  return [stage === undefined ? 2 : stage === 'beta' ? 1 : 0, Number(major), Number(minor ?? 0)];
}
