/** Chance, by argument (law 2): UIDs, name suffixes, jitter. Keys and tokens come from `Keys`. */
export interface Random {
  /** Uniform in [0, 1). */
  float(): number;
  /** Uniform bytes. */
  bytes(length: number): Uint8Array;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** A version 4 UUID, RFC 9562. */
export function uuid(random: Random): string {
  const b = random.bytes(16);
  b[6] = ((b[6] as number) & 0x0f) | 0x40;
  b[8] = ((b[8] as number) & 0x3f) | 0x80;
  const hex = (from: number, to: number): string => {
    let s = '';
    for (let i = from; i < to; i++) s += HEX[b[i] as number] as string;
    return s;
  };
  return `${hex(0, 4)}-${hex(4, 6)}-${hex(6, 8)}-${hex(8, 10)}-${hex(10, 16)}`;
}

// The alphabet of Kubernetes' generated names: no vowels, no digits that look like letters.
const SUFFIX_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

/** A suffix as generateName appends it: 5 characters by default. */
export function nameSuffix(random: Random, length = 5): string {
  let s = '';
  for (let i = 0; i < length; i++) s += SUFFIX_ALPHABET[Math.floor(random.float() * SUFFIX_ALPHABET.length)];
  return s;
}

/** Uniform in [ms, ms * (1 + factor)). */
export function jitter(random: Random, ms: number, factor: number): number {
  return ms * (1 + random.float() * factor);
}

/** Asking the machine costs as much for 16 bytes as for some thousand. */
const POOL_BYTES = 4096;

/** The machine's cryptographic source. Every byte is given out once. */
export class SystemRandom implements Random {
  #pool = new Uint8Array(0);
  #used = 0;

  float(): number {
    const b = this.bytes(8);
    return new DataView(b.buffer).getUint32(0) / 2 ** 32;
  }

  bytes(length: number): Uint8Array {
    if (length > POOL_BYTES / 4) return crypto.getRandomValues(new Uint8Array(length));
    if (this.#used + length > this.#pool.length) {
      this.#pool = crypto.getRandomValues(new Uint8Array(POOL_BYTES));
      this.#used = 0;
    }
    const from = this.#used;
    this.#used += length;
    const out = this.#pool.slice(from, this.#used);
    this.#pool.fill(0, from, this.#used);
    return out;
  }
}

/** The same seed gives the same numbers, on every machine (xoshiro128**, seeded by splitmix32). Not for secrets. */
export class SeededRandom implements Random {
  readonly #s: Uint32Array;

  constructor(seed: number) {
    this.#s = new Uint32Array(4);
    let x = seed | 0;
    for (let i = 0; i < 4; i++) {
      x = (x + 0x9e3779b9) | 0;
      let z = x;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      this.#s[i] = z ^ (z >>> 15);
    }
  }

  /** A stream of its own, so that one component's draws do not shift another's. */
  fork(): SeededRandom {
    return new SeededRandom(this.#next());
  }

  float(): number {
    return this.#next() / 2 ** 32;
  }

  bytes(length: number): Uint8Array {
    const out = new Uint8Array(length);
    for (let i = 0; i < length; i++) out[i] = this.#next() & 0xff;
    return out;
  }

  #next(): number {
    const s = this.#s as unknown as [number, number, number, number];
    const r = Math.imul(rotl(Math.imul(s[1], 5), 7), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 11);
    return r;
  }
}

function rotl(x: number, k: number): number {
  return (x << k) | (x >>> (32 - k));
}
