import type { PersistentVolume } from '../api/gen/types/core.v1.ts';
import { persistentVolumes } from '../api/gen/resources.ts';
import type { Client } from '../client/client.ts';
import { parseQuantity, quantityNumber } from '../machinery/quantity.ts';
import { DRIVER_NAME, TOPOLOGY_KEY } from '../storage/driver/name.ts';
import type { Pool } from '../storage/pool/pool.ts';

/**
 * The volumes that the API knows on a node, made anew, empty: a simulated machine ends with the process, and what it held were never
 * bytes. Without this its claims could not be mounted after a restart.
 */
export async function remakeVolumes(volumes: readonly PersistentVolume[], pool: Pool, nodeName: string): Promise<void> {
  for (const { spec } of volumes) {
    const id = spec?.csi?.volumeHandle;
    if (spec?.csi?.driver !== DRIVER_NAME || id === undefined || pool.volume(id) !== undefined || !isOn(spec, nodeName)) continue;
    const size = parseQuantity(spec.capacity?.storage ?? '');
    if (size !== undefined) await pool.create({ id, name: id, sizeBytes: quantityNumber(size), mode: spec.volumeMode === 'Block' ? 'block' : 'mount' });
  }
}

export async function listVolumes(client: Client): Promise<readonly PersistentVolume[]> {
  return (await client.list(persistentVolumes)).items;
}

function isOn(spec: NonNullable<PersistentVolume['spec']>, nodeName: string): boolean {
  const terms = spec.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  return terms.some((term) => term.matchExpressions?.some(({ key, values }) => key === TOPOLOGY_KEY && values?.includes(nodeName) === true) === true);
}
