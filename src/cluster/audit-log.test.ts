import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { silentLog } from '../base/log.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { AuditLog, type AuditLogOptions, readAuditPolicyFile } from './audit-log.ts';

const root = mkdtempSync(join(tmpdir(), 'berth-audit-'));
after(() => rmSync(root, { recursive: true }));
let made = 0;
const open = (options: Partial<AuditLogOptions> = {}): Promise<AuditLog> =>
  AuditLog.open({
    file: join(root, String(++made), 'audit.log'),
    maxBytes: 0,
    maxBackups: 0,
    maxAgeMs: 0,
    clock: new VirtualClock(),
    log: silentLog,
    ...options,
  });
const lines = (file: string): readonly unknown[] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);

it('events are lines of JSON, in order, for its owner only, and go on after a restart', async () => {
  const file = join(root, 'kept', 'audit.log');
  for (const n of [0, 2]) {
    const log = await open({ file });
    log.write({ n });
    log.write({ n: n + 1 });
    await log[Symbol.asyncDispose]();
    assert.equal(log.written, 2);
  }
  assert.deepEqual(lines(file), [{ n: 0 }, { n: 1 }, { n: 2 }, { n: 3 }]);
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

it('a file that would grow beyond the bound is put aside; so many are kept, and no line is cut', async () => {
  const directory = join(root, 'rotated');
  const log = await open({ file: join(directory, 'audit.log'), maxBytes: 100, maxBackups: 2 });
  for (let n = 0; n < 50; n++) log.write({ n, text: 'x'.repeat(20) });
  await log[Symbol.asyncDispose]();
  const files = readdirSync(directory).sort();
  assert.equal(files.length, 3);
  assert.match(files[0] ?? '', /^audit-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}\.log$/);
  assert.ok(files.every((file) => statSync(join(directory, file)).size <= 100));
  assert.deepEqual((lines(join(directory, 'audit.log')).at(-1) as { n: number }).n, 49);
});

it('what was put aside too long ago is removed, other files are not', async () => {
  const directory = join(root, 'aged');
  mkdirSync(directory);
  const clock = new VirtualClock();
  const day = 24 * 3600_000;
  const name = (agoMs: number): string => `audit-${new Date(clock.now() - agoMs).toISOString().replaceAll(':', '-').slice(0, 23)}.log`;
  const kept = [name(1 * day), 'audit-notes.log', 'other.log'];
  for (const file of [...kept, name(3 * day), name(4 * day)]) writeFileSync(join(directory, file), '');
  const log = await open({ file: join(directory, 'audit.log'), maxAgeMs: 2 * day, clock });
  await log[Symbol.asyncDispose]();
  assert.deepEqual(readdirSync(directory).sort(), [...kept, 'audit.log'].sort());
});

it('what is more than the queue holds is dropped and counted; requests never wait', async () => {
  const log = await open({ maxQueuedBytes: 1000 });
  for (let n = 0; n < 100; n++) log.write({ n, text: 'x'.repeat(80) });
  await log[Symbol.asyncDispose]();
  assert.equal(log.written + log.dropped, 100);
  assert.ok(log.dropped > 80 && log.written > 5);
});

it('a policy is read from YAML; faults name the file and the field', async () => {
  const file = join(root, 'policy.yaml');
  writeFileSync(file, 'apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n- level: Metadata\n');
  const policy = await readAuditPolicyFile(file);
  assert.deepEqual([policy.omitStages, policy.rules.map(({ level }) => level)], [['RequestReceived'], ['Metadata']]);
  writeFileSync(file, 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: []\n');
  await assert.rejects(readAuditPolicyFile(file), { message: `--audit-policy ${file}: rules: at least one rule is required` });
  writeFileSync(file, 'apiVersion: audit.k8s.io/v1\nkind: Policy\nmetadata: {name: x}\nrules: [{level: None, user: [ann]}]\nomitStage: []\n');
  await assert.rejects(readAuditPolicyFile(file), {
    message: `--audit-policy ${file}: rules[0].user: Invalid value: "user": unknown field "user"; omitStage: Invalid value: "omitStage": unknown field "omitStage"`,
  });
});

it('a file that can not be opened is named with its option', () =>
  assert.rejects(open({ file: root }), { message: `--audit-log ${root} can't be written: EISDIR: illegal operation on a directory, open '${root}'` }));
