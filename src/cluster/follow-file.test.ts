import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type Log, silentLog } from '../base/log.ts';
import { followFile } from './follow-file.ts';

it('what can not be followed is said, and harms nobody', () => {
  const said: string[] = [];
  const log: Log = { ...silentLog, warn: (message, fields) => said.push(`${message} ${String(fields?.['file'])}`) };
  followFile('/nowhere/at/all/file.yaml', log, async () => {})[Symbol.dispose]();
  assert.deepEqual(said, ['a file is not followed: a change of it counts from the next start on /nowhere/at/all/file.yaml']);
});
