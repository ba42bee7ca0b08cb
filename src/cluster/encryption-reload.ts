import { failure } from '../base/log.ts';
import { StoreError } from '../store/store.ts';
import { type EncryptionSeal, encryptionSeal } from './encryption.ts';
import { EncryptionConfigError, readEncryptionConfig } from './encryption-config.ts';
import { followFile } from './follow-file.ts';
import type { KmsSettings } from './kms.ts';

type Around = Omit<KmsSettings, 'provider'>;

/**
 * The seal of a file, which is followed while the cluster runs: what is written after a change is encrypted as the file then says. What is
 * stored is encrypted anew at the next start, so a key that stored values need can't be taken out before: such a file is not taken.
 */
export class FollowedEncryption implements EncryptionSeal {
  readonly prepare: EncryptionSeal['prepare'];
  readonly #file: string;
  readonly #around: Around;
  /** The latest last; earlier ones may have to read what they wrote. */
  readonly #seals: EncryptionSeal[];
  readonly #following: Disposable;
  #taken: string;

  private constructor(file: string, around: Around, seal: EncryptionSeal, taken: string) {
    this.#file = file;
    this.#around = around;
    this.#seals = [seal];
    this.#taken = taken;
    this.prepare = seal.prepare;
    this.#following = followFile(file, around.log, () => this.#reload());
  }

  /** Throws EncryptionConfigError, or one line about a KMS plugin. */
  static async open(file: string, around: Around): Promise<FollowedEncryption> {
    const rules = await readEncryptionConfig(file);
    return new FollowedEncryption(file, around, await encryptionSeal(rules, around), JSON.stringify(rules));
  }

  get health(): string | undefined {
    return this.#latest.health;
  }

  seal(key: string, value: Uint8Array): Uint8Array {
    return this.#latest.seal(key, value);
  }

  open(key: string, kept: Uint8Array): ReturnType<EncryptionSeal['open']> {
    try {
      return this.#latest.open(key, kept);
    } catch (thrown) {
      // The file has changed since it was written, or, at a start, since the first was prepared for all that is kept.
      for (const earlier of this.#seals.slice(0, -1).toReversed()) {
        const found = opened(earlier, key, kept);
        if (found !== undefined) return { ...found, stale: true };
      }
      throw thrown;
    }
  }

  held(): Iterable<readonly [key: string, prefix: string]> {
    return this.#seals.flatMap((seal) => [...seal.held()]);
  }

  reads(key: string, prefix: string): boolean {
    return this.#latest.reads(key, prefix);
  }

  [Symbol.dispose](): void {
    this.#following[Symbol.dispose]();
    for (const seal of this.#seals) seal[Symbol.dispose]();
  }

  get #latest(): EncryptionSeal {
    return this.#seals.at(-1) as EncryptionSeal;
  }

  /** Takes the file as it is now; a file that can't be taken changes nothing and is said in the log. */
  async #reload(): Promise<void> {
    const { log } = this.#around;
    try {
      const rules = await readEncryptionConfig(this.#file);
      const text = JSON.stringify(rules);
      if (text === this.#taken) return;
      this.#taken = text;
      const next = await encryptionSeal(rules, this.#around);
      try {
        await next.prepare?.([]);
        for (const [key, prefix] of this.held()) {
          if (!next.reads(key, prefix))
            throw new EncryptionConfigError(
              `${key} may be stored with ${prefix}, which the file no longer names; put it back, and take it out after the next start`,
            );
        }
      } catch (thrown) {
        next[Symbol.dispose]();
        throw thrown;
      }
      this.#seals.push(next);
      log.info('the encryption configuration has changed; what is stored is encrypted anew at the next start', { file: this.#file });
    } catch (thrown) {
      log.error('the encryption configuration is not taken; the one before stays in force', failure(thrown));
    }
  }
}

/** Undefined: it was not written with this one. */
function opened(seal: EncryptionSeal, key: string, kept: Uint8Array): ReturnType<EncryptionSeal['open']> | undefined {
  try {
    return seal.open(key, kept);
  } catch (thrown) {
    if (thrown instanceof StoreError && thrown.code === 'sealed') return undefined;
    throw thrown;
  }
}
