import { StatusError } from '../../machinery/status-error.ts';
import type { Core } from '../core.ts';

/** 504 for a version that this server has not seen: clients try again (apimachinery `NewTimeoutError`, cause ResourceVersionTooLarge). */
export function requireVersion(core: Core, version: number): void {
  if (version > core.store.revision) throw tooLargeVersion(version, core.store.revision);
}

export function tooLargeVersion(version: number, current: number): StatusError {
  return new StatusError('Timeout', `Timeout: Too large resource version: ${version}, current: ${current}`, {
    details: { causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }], retryAfterSeconds: 1 },
  });
}
