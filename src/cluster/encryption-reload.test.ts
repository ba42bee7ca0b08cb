import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type Log, silentLog } from '../base/log.ts';
import { SeededRandom } from '../base/random.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { FollowedEncryption } from './encryption-reload.ts';

const root = mkdtempSync(join(tmpdir(), 'berth-encryption-reload-'));
after(() => rmSync(root, { recursive: true }));

const SECRET = '/registry/core/secrets/default/db';
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array): string => new TextDecoder().decode(value);
const prefixOf = (kept: Uint8Array): string => /^k8s:enc:\w+:v1:\w+:/.exec(text(kept))?.[0] ?? 'plain';

/** `NAME` or `NAME=SECRET`. */
function write(file: string, ...keys: readonly string[]): void {
  const entries = keys.map((key) => {
    const [name, secret = key] = key.split('=');
    return `{ name: ${name}, secret: ${Buffer.alloc(32, secret.charCodeAt(0)).toString('base64')} }`;
  });
  writeFileSync(
    `${file}.new`,
    `apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources: [secrets]\n  providers:\n  - aesgcm: { keys: [${entries.join(', ')}] }\n`,
  );
  renameSync(`${file}.new`, file);
}

/** Resolves with the next line that the log is given. */
class Heard {
  #next = Promise.withResolvers<string>();
  readonly log: Log = {
    ...silentLog,
    info: (message) => this.#say(message),
    error: (message, fields) => this.#say(`${message}: ${String(fields?.['cause'])}`),
  };

  get next(): Promise<string> {
    return this.#next.promise;
  }

  #say(line: string): void {
    const said = this.#next;
    this.#next = Promise.withResolvers();
    said.resolve(line);
  }
}

describe('an encryption configuration that changes while the cluster runs', () => {
  it('is followed: what is written next is encrypted with its first key, and a key that is in use stays', async () => {
    const file = join(root, 'followed.yaml');
    const heard = new Heard();
    write(file, 'one');
    using seal = await FollowedEncryption.open(file, { clock: new VirtualClock(), random: new SeededRandom(1), log: heard.log });
    const first = seal.seal(SECRET, bytes('a'));
    assert.equal(prefixOf(first), 'k8s:enc:aesgcm:v1:one:');

    let said = heard.next;
    write(file, 'two', 'one');
    assert.match(await said, /^the encryption configuration has changed/);
    const second = seal.seal(SECRET, bytes('b'));
    assert.equal(prefixOf(second), 'k8s:enc:aesgcm:v1:two:');
    assert.deepEqual([text(seal.open(SECRET, first).value), seal.open(SECRET, first).stale], ['a', true]);

    said = heard.next;
    write(file, 'two');
    assert.match(
      await said,
      /is not taken.*: \/registry\/core\/secrets\/default\/db may be stored with k8s:enc:aesgcm:v1:one:, which the file no longer names/,
    );
    assert.equal(text(seal.open(SECRET, first).value), 'a');
  });

  it('reads what was written after any of its changes', async () => {
    const file = join(root, 'often.yaml');
    const heard = new Heard();
    write(file, 'one');
    using seal = await FollowedEncryption.open(file, { clock: new VirtualClock(), random: new SeededRandom(1), log: heard.log });
    const sealed = [seal.seal(SECRET, bytes('0'))];
    for (const [at, secret] of ['a', 'b', 'c'].entries()) {
      const said = heard.next;
      write(file, `two=${secret}`, 'one');
      await said;
      sealed.push(seal.seal(SECRET, bytes(String(at + 1))));
    }
    assert.deepEqual(
      sealed.map((kept) => text(seal.open(SECRET, kept).value)),
      ['0', '1', '2', '3'],
    );
  });

  it('is not taken when it is wrong, and says what is', async () => {
    const file = join(root, 'wrong.yaml');
    const heard = new Heard();
    write(file, 'one');
    using seal = await FollowedEncryption.open(file, { clock: new VirtualClock(), random: new SeededRandom(1), log: heard.log });
    const said = heard.next;
    writeFileSync(`${file}.new`, 'kind: Pod\n');
    renameSync(`${file}.new`, file);
    assert.match(await said, /is not taken.*: --encryption-config .*wrong\.yaml: kind: Invalid value: "Pod"/);
    assert.equal(prefixOf(seal.seal(SECRET, bytes('a'))), 'k8s:enc:aesgcm:v1:one:');
  });
});
