import type { FieldPath } from '../../machinery/field-error.ts';
import type * as core from '../gen/types/core.v1.ts';
import { fractionWarnings } from './resources.warnings.ts';

/** Sources that are gone, or will be: in a pod, in a persistent volume, or in both. */
const OLD_SOURCES: Readonly<Record<string, string>> = {
  photonPersistentDisk: 'deprecated in v1.11, non-functional in v1.16+',
  gitRepo: 'deprecated in v1.11, and disabled by default in v1.33+',
  scaleIO: 'deprecated in v1.16, non-functional in v1.22+',
  flocker: 'deprecated in v1.22, non-functional in v1.25+',
  storageos: 'deprecated in v1.22, non-functional in v1.25+',
  quobyte: 'deprecated in v1.22, non-functional in v1.25+',
  glusterfs: 'deprecated in v1.25, non-functional in v1.26+',
  cephfs: 'deprecated in v1.28, non-functional in v1.31+',
  rbd: 'deprecated in v1.28, non-functional in v1.31+',
};
/** Written otherwise than the field. */
const WORDS: Readonly<Record<string, string>> = { storageos: 'storageOS' };

export function sourceWarnings(source: object | undefined, path: FieldPath): readonly string[] {
  return Object.entries(OLD_SOURCES).flatMap(([field, message]) =>
    (source as Readonly<Record<string, unknown>> | undefined)?.[field] === undefined ? [] : [`${path.child(WORDS[field] ?? field)}: ${message}`],
  );
}

const OLD_CLASS = 'volume.beta.kubernetes.io/storage-class';

/** The class of a claim or volume, where it stood before it had a field. */
export const oldClassWarnings = (annotations: Readonly<Record<string, string>> | undefined): readonly string[] =>
  annotations?.[OLD_CLASS] === undefined ? [] : [`metadata.annotations[${OLD_CLASS}]: deprecated since v1.8; use "storageClassName" attribute instead`];

/** Of the volumes of a pod. */
export function volumesWarnings(volumes: readonly core.Volume[] | undefined, path: FieldPath): readonly string[] {
  const out: string[] = [];
  for (const [i, volume] of (volumes ?? []).entries()) {
    const at = path.index(i);
    out.push(...sourceWarnings(volume, at));
    out.push(...claimSpecWarnings(volume.ephemeral?.volumeClaimTemplate?.spec, at.child('ephemeral', 'volumeClaimTemplate').child('spec')));
  }
  const tokens = new Set((volumes ?? []).flatMap(({ projected }) => (projected?.sources ?? []).flatMap((source) => source.serviceAccountToken?.path ?? [])));
  if (tokens.size > 0) for (const [i, { projected }] of (volumes ?? []).entries()) out.push(...tokenWarnings(projected, tokens, path.index(i)));
  return out;
}

export function claimSpecWarnings(spec: core.PersistentVolumeClaimSpec | undefined, path: FieldPath): readonly string[] {
  return (['requests', 'limits'] as const).flatMap((part) => fractionWarnings(spec?.resources?.[part]?.storage, path.child('resources', part).key('storage')));
}

/** Two projected files of one path, one of them a token. */
function tokenWarnings(projected: core.ProjectedVolumeSource | undefined, tokens: ReadonlySet<string>, volume: FieldPath): readonly string[] {
  const out: string[] = [];
  const path = volume.child('projected', 'sources');
  const note = (file: string, at: FieldPath): void => {
    if (tokens.has(file)) out.push(`${at}: has duplicated path with ServiceAccountToken ${JSON.stringify(file)}`);
  };
  for (const { configMap, secret, downwardAPI, clusterTrustBundle } of projected?.sources ?? []) {
    for (const [j, item] of (configMap?.items ?? []).entries()) note(item.path, path.child('configMap').index(j));
    for (const [j, item] of (secret?.items ?? []).entries()) note(item.path, path.child('secrets').index(j));
    for (const [j, item] of (downwardAPI?.items ?? []).entries()) note(item.path, path.child('downwardAPI').index(j));
    if (clusterTrustBundle !== undefined) note(clusterTrustBundle.path, path.child('ClusterTrustBundle'));
  }
  return out;
}
