import { CsiError, type CsiErrorCode } from '../../csi/driver.ts';
import { HostError, type HostErrorCode } from '../../host/host.ts';
import { PoolError, type PoolErrorCode } from '../pool/pool.ts';

const POOL: Readonly<Record<PoolErrorCode, CsiErrorCode>> = {
  'no-space': 'resource-exhausted',
  exists: 'already-exists',
  missing: 'not-found',
  'in-use': 'failed-precondition',
  foreign: 'internal',
  damaged: 'internal',
  newer: 'internal',
  unsupported: 'invalid-argument',
  failed: 'internal',
};

const HOST: Partial<Readonly<Record<HostErrorCode, CsiErrorCode>>> = {
  'no-space': 'resource-exhausted',
  'no-device': 'resource-exhausted',
  busy: 'failed-precondition',
  timeout: 'deadline-exceeded',
  closed: 'unavailable',
};

/** Errors of pool and host, once, at this boundary. */
export async function asCsi<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof CsiError) throw thrown;
    if (thrown instanceof PoolError) throw new CsiError(POOL[thrown.code], thrown.message, thrown);
    if (thrown instanceof HostError) throw new CsiError(HOST[thrown.code] ?? 'internal', thrown.message, thrown);
    throw new CsiError('internal', thrown instanceof Error ? thrown.message : String(thrown), thrown);
  }
}
