import { SeededRandom } from '../base/random.ts';

/** A stream of chance for one purpose: what one part draws does not shift what another part gets. */
export function seeded(seed: number, purpose: string): SeededRandom {
  let hash = 0x811c9dc5;
  for (const char of `${seed} ${purpose}`) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return new SeededRandom(hash);
}
