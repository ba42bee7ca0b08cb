import type { ConfigMap, DownwardAPIVolumeFile, KeyToPath, Secret } from '../../api/gen/types/core.v1.ts';
import { getOwn } from '../../machinery/record.ts';
import { type DownwardFacts, fieldValue, resourceValue } from '../containers/downward.ts';
import { VolumeError } from './volume.ts';

/** What a volume that follows a source is to show: relative path → file. Later sources win over earlier ones. */
export type Payload = ReadonlyMap<string, PayloadFile>;

export interface PayloadFile {
  readonly bytes: Uint8Array;
  readonly mode: number;
  /** Owner; absent: root. */
  readonly uid?: number | undefined;
}

export const EMPTY_PAYLOAD: Payload = new Map();

export interface Selection {
  readonly items?: readonly KeyToPath[] | undefined;
  readonly defaultMode: number;
  readonly optional: boolean;
}

export function configMapPayload(configMap: ConfigMap, selection: Selection): Payload {
  const entries = new Map<string, Uint8Array>();
  for (const key of Object.keys(configMap.data ?? {})) entries.set(key, new TextEncoder().encode(getOwn(configMap.data, key) ?? ''));
  for (const key of Object.keys(configMap.binaryData ?? {})) entries.set(key, Buffer.from(getOwn(configMap.binaryData, key) ?? '', 'base64'));
  return select(entries, selection, 'configmap references non-existent config key');
}

export function secretPayload(secret: Secret, selection: Selection): Payload {
  const entries = new Map<string, Uint8Array>();
  for (const key of Object.keys(secret.data ?? {})) entries.set(key, Buffer.from(getOwn(secret.data, key) ?? '', 'base64'));
  return select(entries, selection, 'references non-existent secret key');
}

function select(entries: ReadonlyMap<string, Uint8Array>, { items, defaultMode, optional }: Selection, complaint: string): Payload {
  const payload = new Map<string, PayloadFile>();
  if (items === undefined || items.length === 0) {
    for (const [key, bytes] of entries) payload.set(key, { bytes, mode: defaultMode });
    return payload;
  }
  for (const { key, path, mode } of items) {
    const bytes = entries.get(key);
    if (bytes !== undefined) payload.set(path, { bytes, mode: mode ?? defaultMode });
    else if (!optional) throw new VolumeError('failed', `${complaint}: ${key}`);
  }
  return payload;
}

export function downwardPayload(files: readonly DownwardAPIVolumeFile[], defaultMode: number, facts: DownwardFacts): Payload {
  const payload = new Map<string, PayloadFile>();
  for (const { path, mode, fieldRef, resourceFieldRef } of files) {
    const value =
      fieldRef !== undefined ? fieldValue(facts, fieldRef) : resourceFieldRef !== undefined ? resourceValue(facts, resourceFieldRef, undefined) : undefined;
    if (value === undefined)
      throw new VolumeError(
        'refused',
        `unsupported field for downward API volume file ${JSON.stringify(path)}: ${fieldRef?.fieldPath ?? resourceFieldRef?.resource ?? ''}`,
      );
    payload.set(path, { bytes: new TextEncoder().encode(value), mode: mode ?? defaultMode });
  }
  return payload;
}
