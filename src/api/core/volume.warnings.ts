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
  for (const volume of volumes ?? []) out.push(...overlapWarnings(volume));
  return out;
}

export function claimSpecWarnings(spec: core.PersistentVolumeClaimSpec | undefined, path: FieldPath): readonly string[] {
  return (['requests', 'limits'] as const).flatMap((part) => fractionWarnings(spec?.resources?.[part]?.storage, path.child('resources', part).key('storage')));
}

interface PlacedFile {
  readonly file: string;
  /** What it comes from; '' where that goes without saying. */
  readonly source: string;
}

const describe = ({ file, source }: PlacedFile): string => (source === '' ? JSON.stringify(file) : `${JSON.stringify(file)} (${source})`);

/** Files of a volume that stand where another does, or inside of it. */
function overlapWarnings({ name, configMap, secret, downwardAPI, projected }: core.Volume): readonly string[] {
  const volume = `volume ${JSON.stringify(name)}`;
  const out: string[] = [];
  const look = (what: string, files: readonly PlacedFile[]): void => {
    for (const [i, placed] of files.entries())
      for (const other of files.slice(0, i))
        if (isOverlap(placed.file, other.file)) out.push(`${volume} (${what}): overlapping paths: ${describe(placed)} with ${describe(other)}`);
  };
  look(`ConfigMap ${JSON.stringify(configMap?.name ?? '')}`, filesOf(configMap?.items, ''));
  look(`Secret ${JSON.stringify(secret?.secretName ?? '')}`, filesOf(secret?.items, ''));
  look('DownwardAPI', filesOf(downwardAPI?.items, ''));
  const sources = projected?.sources ?? [];
  for (const source of sources) if (Object.values(source).every((part) => part === undefined)) out.push(`${volume} (Projected) has no sources provided`);
  look('Projected', sources.flatMap(projectedFiles));
  return out;
}

const filesOf = (items: readonly { readonly path: string }[] | undefined, source: string): readonly PlacedFile[] =>
  (items ?? []).map(({ path }) => ({ file: path.replace(/\/+$/, ''), source }));

function projectedFiles({ configMap, secret, downwardAPI, serviceAccountToken, clusterTrustBundle }: core.VolumeProjection): readonly PlacedFile[] {
  if (configMap?.items !== undefined) return filesOf(configMap.items, `ConfigMap ${JSON.stringify(configMap.name ?? '')}`);
  if (secret?.items !== undefined) return filesOf(secret.items, `Secret ${JSON.stringify(secret.name ?? '')}`);
  if (downwardAPI?.items !== undefined) return filesOf(downwardAPI.items, 'DownwardAPI');
  if (serviceAccountToken !== undefined) return filesOf([serviceAccountToken], 'ServiceAccountToken');
  if (clusterTrustBundle === undefined) return [];
  return filesOf([clusterTrustBundle], `ClusterTrustBundle ${JSON.stringify(clusterTrustBundle.name ?? clusterTrustBundle.signerName ?? '')}`);
}

const isOverlap = (one: string, other: string): boolean =>
  one !== '' && other !== '' && (`${one}/`.startsWith(`${other}/`) || `${other}/`.startsWith(`${one}/`));
