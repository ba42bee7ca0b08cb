/** Planted faults: a fuzzer that does not find them finds nothing. */
import type { Target } from './target.ts';

const text = (input: Uint8Array): string => Buffer.from(input).toString('latin1');
const never = (): boolean => false;
const held: Uint8Array[] = [];

/** Each byte leads one step further: by chance it takes 2^32 tries, led by coverage 2^18. */
function steps(given: string): void {
  if (given.charAt(0) !== '\x07') return;
  if (given.charAt(1) !== '\xc3') return;
  if (given.charAt(2) !== '\x11') return;
  if (given.charAt(3) !== '\x9e') return;
  throw new TypeError('planted');
}

function quadratic(given: string): number {
  let count = 0;
  for (let i = 0; i < given.length; i++) for (let j = 0; j < given.length; j++) if (given.charCodeAt(i) === given.charCodeAt(j)) count++;
  return count;
}

export const CANARIES: readonly Target[] = [
  { name: 'canary-crash', seeds: ['begin'], run: (input) => steps(text(input)), refuses: never },
  {
    name: 'canary-hang',
    seeds: ['a'],
    run: (input) => {
      while (text(input).startsWith('ab'));
    },
    refuses: never,
  },
  { name: 'canary-slow', seeds: ['abc'], run: (input) => quadratic(text(input)), refuses: never },
  {
    name: 'canary-growth',
    seeds: ['abc'],
    run: () => held.push(new Uint8Array(8192).fill(1)),
    refuses: never,
  },
  {
    name: 'canary-refusal',
    seeds: ['begin'],
    run: (input) => steps(text(input)),
    refuses: (thrown) => thrown instanceof TypeError,
  },
];
