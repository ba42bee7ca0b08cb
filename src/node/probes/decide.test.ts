import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterOutcome, firstTryMs, NO_RESULT, type ProbeOutcome, type ProbeState } from './decide.ts';

const GOOD: ProbeOutcome = { result: 'success' };
const BAD: ProbeOutcome = { result: 'failure', message: '' };
const BLIND: ProbeOutcome = { result: 'unknown', message: '' };

/** `+` succeeded, `-` failed, `?` could not be tried; the results after each, `_` for none yet. */
for (const { says, tries, probe, results } of [
  { says: 'one success is enough, three failures are needed', tries: '+---+', probe: {}, results: '+++-+' },
  { says: 'failures must come in a row', tries: '+--+--', probe: {}, results: '++++++' },
  { says: 'so must successes', tries: '+-++', probe: { successThreshold: 2 }, results: '___+' },
  { says: 'what could not be tried counts neither way', tries: '+-?-?-', probe: {}, results: '+++++-' },
  { says: 'one failure', tries: '-', probe: { failureThreshold: 1 }, results: '-' },
] as const) {
  test(`thresholds: ${says}`, () => {
    let state: ProbeState = NO_RESULT;
    let seen = '';
    for (const c of tries) {
      state = afterOutcome(state, c === '+' ? GOOD : c === '-' ? BAD : BLIND, probe);
      seen += state.passed === undefined ? '_' : state.passed ? '+' : '-';
    }
    assert.equal(seen, results);
  });
}

test('the first try: after the delay; spread for what has been running for long', () => {
  assert.equal(firstTryMs({ initialDelaySeconds: 5 }, 1_000, 1_500, 0.5), 4_500);
  assert.equal(firstTryMs({ periodSeconds: 10 }, 1_000, 1_000, 0.5), 0);
  assert.equal(firstTryMs({ periodSeconds: 10 }, 1_000, 90_000, 0.5), 5_000);
  assert.equal(firstTryMs({ periodSeconds: 10 }, 1_000, 1_001, 0), 0);
});
