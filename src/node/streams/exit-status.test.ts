import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CriError } from '../runtime/runtime.ts';
import { exitStatus, failedStatus, readExitStatus } from './exit-status.ts';

test('an exit code survives the way through a Status', () => {
  for (const code of [0, 1, 7, 137, 255]) assert.equal(readExitStatus(JSON.stringify(exitStatus(code))), code);
});

for (const [text, says] of [
  [JSON.stringify(failedStatus('no such program')), 'no such program'],
  ['{"status":"Failure","reason":"NonZeroExitCode","message":"odd","details":{"causes":[{"reason":"ExitCode","message":"x"}]}}', 'odd'],
  ['{"status":"Failure"}', 'the command failed'],
  ['plain words of an older server', 'plain words of an older server'],
] as const) {
  test(`${JSON.stringify(text)} is a failure that says ${JSON.stringify(says)}`, () => {
    assert.throws(
      () => readExitStatus(text),
      (thrown: unknown) => thrown instanceof CriError && thrown.message === says,
    );
  });
}
