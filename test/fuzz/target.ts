import type { Mutator } from './mutate.ts';

/** Something that reads what strangers send. */
export interface Target {
  readonly name: string;
  /** Small inputs of our own to begin with. */
  readonly seeds: readonly (string | Uint8Array)[];
  /** What means something to it, beyond the texts in its source. */
  readonly words?: readonly string[];
  /** Default 4096. */
  readonly maxBytes?: number;
  /** Knows the format; takes its turn with the plain mutators. */
  readonly shape?: Mutator;
  /** What one byte may cost beyond the fixed part. Default 5 µs, under coverage. */
  readonly perByteUs?: number;
  /** Reads one input. Throws where that is refused, and an AssertionError where what came out is wrong. */
  readonly run: (input: Uint8Array) => unknown;
  /** Whether it may refuse an input by throwing this. */
  readonly refuses: (thrown: unknown) => boolean;
}

export type FindingKind = 'crash' | 'slow' | 'hang' | 'growth' | 'memory';

export interface Finding {
  readonly kind: FindingKind;
  readonly input: Uint8Array;
  /** One line, then a stack where there is one. */
  readonly why: string;
}

/** Undefined: read, or refused as it should be. */
export async function faultOf(target: Target, input: Uint8Array): Promise<string | undefined> {
  try {
    await target.run(input);
    return undefined;
  } catch (thrown) {
    if (target.refuses(thrown)) return undefined;
    return thrown instanceof Error ? (thrown.stack ?? thrown.message) : `thrown: ${String(thrown)}`;
  }
}

export const bytesOf = (seed: string | Uint8Array): Uint8Array => (typeof seed === 'string' ? Buffer.from(seed) : seed);
