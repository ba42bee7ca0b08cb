import { StoreError } from './store.ts';

/**
 * What stands between memory and disk: the journal keeps what `seal` makes of a value, memory what `open` makes of that.
 * Both synchronous, called for every row that is written and read.
 */
export interface Seal {
  /** Told once of all that is kept, before any of it is opened: what takes a call elsewhere is done here. */
  readonly prepare?: ((kept: readonly Uint8Array[]) => Promise<void>) | undefined;
  seal(key: string, value: Uint8Array): Uint8Array;
  /** `stale`: it would be sealed otherwise today (another key, or not at all). Throws StoreError `sealed`. */
  open(key: string, kept: Uint8Array): { readonly value: Uint8Array; readonly stale: boolean };
}

/** How every sealed value begins, as in Kubernetes: `k8s:enc:PROVIDER:v1:KEY:`. No stored value begins so by itself. */
export const SEALED_PREFIX = 'k8s:enc:';

const SEALED = new TextEncoder().encode(SEALED_PREFIX);

export function isSealed(kept: Uint8Array): boolean {
  return kept.byteLength > SEALED.byteLength && SEALED.every((byte, at) => kept[at] === byte);
}

/** `k8s:enc:PROVIDER:v1:KEY:`, for messages; names of providers and keys hold no colon. */
export function sealedPrefix(kept: Uint8Array): string {
  const head = new TextDecoder('latin1').decode(kept.subarray(0, 320));
  return /^k8s:enc:[^:]*:[^:]*:[^:]*:/.exec(head)?.[0] ?? SEALED_PREFIX;
}

/** Nothing is sealed: who finds a sealed value is told what is missing. */
export const noSeal: Seal = {
  seal: (_key, value) => value,
  open: (key, kept) => {
    if (isSealed(kept))
      throw new StoreError(
        'sealed',
        `${key} is encrypted (${sealedPrefix(kept)}) and no encryption configuration was given. Start with --encryption-config and the file whose key encrypted it; nothing was changed`,
      );
    return { value: kept, stale: false };
  },
};
