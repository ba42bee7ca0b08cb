import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { FakeHost } from '../../host/fake.ts';
import { writeAtomically } from './atomic-writer.ts';
import type { Payload } from './payload.ts';

const DIRECTORY = '/var/volume';

async function open(): Promise<FakeHost> {
  const host = new FakeHost({ clock: new VirtualClock() });
  await host.files.makeDirectory(DIRECTORY);
  return host;
}

function payloadOf(files: Readonly<Record<string, string>>, mode = 0o644): Payload {
  return new Map(Object.entries(files).map(([path, text]) => [path, { bytes: new TextEncoder().encode(text), mode }]));
}

/** What a reader sees: every file below the directory, through the links. */
async function read(host: FakeHost, directory = DIRECTORY, prefix = ''): Promise<readonly (readonly [path: string, text: string])[]> {
  const all: (readonly [string, string])[] = [];
  for (const { name } of await host.files.readDirectory(directory)) {
    if (name.startsWith('..')) continue;
    const there = await host.files.stat(`${directory}/${name}`, { follow: true });
    if (there?.type === 'directory') all.push(...(await read(host, await host.files.realPath(`${directory}/${name}`), `${prefix}${name}/`)));
    else all.push([`${prefix}${name}`, await host.files.readText(`${directory}/${name}`)]);
  }
  return all;
}

test('what is written is what is read, whatever was there before; nothing is left behind', async () => {
  const name = fc.constantFrom('a', 'b', 'c.txt', '.d', '__proto__');
  const path = fc.oneof(
    name,
    fc.tuple(fc.constantFrom('dir', 'other'), name).map(([dir, file]) => `${dir}/${file}`),
  );
  const files = fc.dictionary(path, fc.string({ maxLength: 8 }), { maxKeys: 5, noNullPrototype: true });
  await fc.assert(
    fc.asyncProperty(fc.array(files, { minLength: 1, maxLength: 4 }), async (versions) => {
      const host = await open();
      for (const [i, version] of versions.entries()) {
        await writeAtomically(host, { directory: DIRECTORY, payload: payloadOf(version), nowMs: i });
        assert.deepEqual(new Map(await read(host)), new Map(Object.entries(version)));
      }
      const hidden = (await host.files.readDirectory(DIRECTORY)).filter((e) => e.name.startsWith('..'));
      assert.equal(hidden.length, 2, 'one version, and the link to it');
    }),
    { numRuns: 60 },
  );
});

test('the same contents again change nothing', async () => {
  const host = await open();
  const payload = payloadOf({ a: '1', 'd/b': '2' });
  assert.equal(await writeAtomically(host, { directory: DIRECTORY, payload, nowMs: 0 }), true);
  const version = await host.files.readLink(`${DIRECTORY}/..data`);
  assert.equal(await writeAtomically(host, { directory: DIRECTORY, payload, nowMs: 5_000 }), false);
  assert.equal(await host.files.readLink(`${DIRECTORY}/..data`), version);
});

test('a write that was cut off is finished by the next', async () => {
  const host = await open();
  await writeAtomically(host, { directory: DIRECTORY, payload: payloadOf({ a: '1' }), nowMs: 0 });
  await host.files.makeDirectory(`${DIRECTORY}/..half`);
  await host.files.symlink('..half', `${DIRECTORY}/..data_tmp`);
  await writeAtomically(host, { directory: DIRECTORY, payload: payloadOf({ b: '2' }), nowMs: 0 });
  assert.deepEqual(await read(host), [['b', '2']]);
  assert.equal((await host.files.readDirectory(DIRECTORY)).length, 3);
});

test('modes and owners are as asked; a group may read what its owner may', async () => {
  const host = await open();
  const payload: Payload = new Map([
    ['token', { bytes: new Uint8Array(), mode: 0o600, uid: 7 }],
    ['plain', { bytes: new Uint8Array(), mode: 0o400 }],
  ]);
  await writeAtomically(host, { directory: DIRECTORY, payload, nowMs: 0 });
  assert.deepEqual(
    [(await host.files.stat(`${DIRECTORY}/token`, { follow: true }))?.uid, (await host.files.stat(`${DIRECTORY}/token`, { follow: true }))?.mode],
    [7, 0o600],
  );
  await writeAtomically(host, {
    directory: DIRECTORY,
    payload: new Map([...payload, ['new', { bytes: new Uint8Array(), mode: 0o400 }]]),
    fsGroup: 99,
    nowMs: 1,
  });
  const shared = await host.files.stat(`${DIRECTORY}/plain`, { follow: true });
  assert.deepEqual([shared?.gid, shared?.mode], [99, 0o440]);
});
