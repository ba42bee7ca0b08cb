/** Where a node's devices come from, beside those that are only counted. `plugins.ts` is the real one. */
export interface DeviceSource {
  /** Ids of healthy devices, by resource. */
  devices(): ReadonlyMap<string, readonly string[]>;
  /** Called after devices came, went or changed their health. */
  onChange(listener: () => void): Disposable;
  /** What a container needs to use these devices. Throws DeviceError. */
  edits(resource: string, ids: readonly string[]): Promise<DeviceEdits>;
}

export interface DeviceEdits {
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly { readonly hostPath: string; readonly containerPath: string; readonly readOnly: boolean }[];
  readonly devices: readonly { readonly hostPath: string; readonly containerPath: string; readonly permissions: string }[];
}

/** A device plugin did not do what was asked; the message has its words. */
export class DeviceError extends Error {
  override readonly name = 'DeviceError';
  readonly code = 'plugin-failed';

  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
  }
}

/**
 * What a node that only counts its devices tells a container: ids are `0`, `1`, …; NVIDIA's runtime takes them from this variable, and
 * so do programs that look for their share.
 */
export function countedEdits(resource: string, ids: readonly string[]): DeviceEdits {
  return { env: resource === 'nvidia.com/gpu' ? { NVIDIA_VISIBLE_DEVICES: ids.join(',') } : {}, mounts: [], devices: [] };
}
