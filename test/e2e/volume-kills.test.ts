/**
 * Berth is killed at random moments while claims come, grow and go (one as a copy of another), and pods start and stop on them. Afterwards no byte is missing, nothing
 * hangs, and when all is deleted nothing is left on the machine. `BERTH_KILLS` says how many kills, `BERTH_SEED` replays their
 * moments, `BERTH_POOL` names the kind of pool.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { SeededRandom } from '../../src/base/random.ts';
import { Berth, run, until } from './berth.ts';

const KILLS = Number(process.env.BERTH_KILLS ?? 4);
const SEED = Number(process.env.BERTH_SEED ?? Math.trunc(performance.timeOrigin) % 1_000_000);
const POOL = process.env.BERTH_POOL ?? 'auto';
const SLOTS = ['a', 'b', 'c', 'd'];
/** Each claim of this slot is made as a copy of the first one. */
const COPY = 'd';

const claim = (name: string, sizeMi: number): string => `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: ${name} }
spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: ${sizeMi}Mi } }${name === COPY ? ', dataSource: { kind: PersistentVolumeClaim, name: a }' : ''} }
---`;

/** Counts on, from where the volume says, and tells only what is on the disk. */
const pod = (name: string): string => `
apiVersion: v1
kind: Pod
metadata: { name: ${name} }
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: c
      image: busybox:1.36
      command: ["sh", "-c", "trap 'exit 0' TERM; n=$(cat /data/n 2>/dev/null || echo 0); while true; do n=$((n+1)); echo $n > /data/t && sync && mv /data/t /data/n && sync; sleep 0.1 & wait $!; done"]
      volumeMounts: [{ name: v, mountPath: /data }]
  volumes: [{ name: v, persistentVolumeClaim: { claimName: ${name} } }]
---`;

describe(`kills while volumes come and go (BERTH_SEED=${SEED} BERTH_KILLS=${KILLS} BERTH_POOL=${POOL})`, () => {
  const random = new SeededRandom(SEED);
  const below = (n: number): number => Math.floor(random.float() * n);
  let berth: Berth;
  before(async () => {
    berth = await Berth.start(['--trash', '0', '--pool', POOL]);
  });
  after(() => berth[Symbol.asyncDispose]());

  /** The largest count that was seen on a volume, by the claim's UID. */
  const seen = new Map<string, number>();
  const sizes = new Map<string, number>();

  /** Empty when there is none, undefined when the server could not be asked. */
  const uidOf = async (name: string): Promise<string | undefined> => {
    const { code, stdout } = await berth.tryKubectl(['get', 'pvc', name, '-o', 'jsonpath={.metadata.uid}', '--ignore-not-found'], { timeoutMs: 10_000 });
    return code === 0 ? stdout : undefined;
  };

  /** Claim and pod. A copy that is made now holds at least what was seen of its source before. */
  async function make(name: string): Promise<void> {
    const least = name === COPY ? (seen.get((await uidOf('a')) ?? '') ?? 0) : 0;
    const before = await uidOf(name);
    await berth.tryKubectl(['apply', '-f', '-'], { stdin: claim(name, sizes.get(name) ?? 32) + pod(name), timeoutMs: 10_000 });
    const uid = await uidOf(name);
    if (before !== undefined && uid !== undefined && uid !== '' && uid !== before && !seen.has(uid)) seen.set(uid, least);
  }

  async function look(name: string): Promise<number> {
    const uid = await uidOf(name);
    const { code, stdout } = await berth.tryKubectl(['exec', name, '--', 'cat', '/data/n'], { timeoutMs: 10_000 });
    const n = code === 0 ? Number(stdout) : 0;
    if (n > 0 && uid !== undefined && uid !== '' && (await uidOf(name)) === uid) {
      assert.ok(n >= (seen.get(uid) ?? 0), `the count of ${name} fell from ${seen.get(uid)} to ${n}`);
      seen.set(uid, n);
    }
    return n;
  }

  /** One act of a user on one claim. Whether it succeeds is open: the server may be killed under it. */
  async function act(name: string): Promise<void> {
    const kubectl = (...args: string[]): ReturnType<Berth['tryKubectl']> => berth.tryKubectl([...args, '--request-timeout=5s'], { timeoutMs: 10_000 });
    switch (below(name === 'a' ? 3 : 5)) {
      case 0:
        await make(name);
        break;
      case 1:
        await kubectl('delete', 'pod', name, '--wait=false', '--ignore-not-found');
        break;
      case 2:
        await look(name);
        break;
      case 3: {
        const sizeMi = (sizes.get(name) ?? 32) + 16;
        const { code } = await kubectl('patch', 'pvc', name, '-p', `{"spec":{"resources":{"requests":{"storage":"${sizeMi}Mi"}}}}`);
        if (code === 0) sizes.set(name, sizeMi);
        break;
      }
      default:
        sizes.delete(name);
        await kubectl('delete', 'pod,pvc', name, '--wait=false', '--ignore-not-found');
    }
  }

  /** What the pool still holds, finished or not: it lies in the pool, or in the btrfs that is mounted there. */
  const images = (): readonly string[] =>
    readdirSync(join(berth.directory, 'pool'), { recursive: true, encoding: 'utf8' }).filter((name) => /(^|\/)(volumes|trash|work)\/./.test(name));

  it('no byte is lost and nothing hangs', async () => {
    await berth.apply(claim('a', 32) + pod('a'));
    await berth.kubectl('wait', '--for=condition=Ready', 'pod/a', '--timeout=240s');
    for (let kill = 0; kill < KILLS; kill++) {
      let stopped = false;
      const users = SLOTS.map(async (name) => {
        while (!stopped) await act(name);
      });
      await delay(100 + below(2500));
      stopped = true;
      await berth.kill();
      await Promise.all(users);
      // Now and then the next start is killed as well, before it is done.
      if (below(3) === 0) {
        const early = berth.up().catch(() => undefined);
        await delay(100 + below(900));
        await berth.kill();
        await early;
      }
      await berth.up();
    }
    for (const name of SLOTS) {
      // A claim or pod that is on its way out goes first.
      const { stdout } = await berth.tryKubectl([
        'get',
        'pod,pvc',
        name,
        '-o',
        'jsonpath={range .items[*]}{.kind}/{.metadata.name}={.metadata.deletionTimestamp} {end}',
        '--ignore-not-found',
      ]);
      for (const [, what] of stdout.matchAll(/(\S+)=\S+/g)) await berth.kubectl('wait', '--for=delete', what ?? '', '--timeout=240s');
      const size = Number.parseInt((await berth.tryKubectl(['get', 'pvc', name, '-o', 'jsonpath={.spec.resources.requests.storage}'])).stdout || '32', 10);
      await berth.apply(claim(name, size) + pod(name));
    }
    for (const name of SLOTS) {
      const { code } = await berth.tryKubectl(['wait', '--for=condition=Ready', `pod/${name}`, '--timeout=240s']);
      if (code !== 0) assert.fail(await berth.kubectl('describe', 'pod,pvc', name));
      await until(
        () => look(name),
        (n) => n > 0,
        `${name} counts`,
      );
      const asked = Number.parseInt(await berth.get(`pvc ${name}`, '.spec.resources.requests.storage'), 10);
      await until(
        () => berth.get(`pvc ${name}`, '.status.capacity.storage'),
        (text) => Number.parseInt(text, 10) === asked,
        `${name} has its size`,
      );
    }
    await until(
      async () => (await berth.get('pv', '.items[*].metadata.name')).split(' '),
      ({ length }) => length === SLOTS.length,
      'each claim has one volume, and no other is left',
    );
  });

  it('nothing is left when all is deleted', async () => {
    await berth.kubectl('delete', 'pod,pvc', '--all', '--timeout=240s');
    await until(
      () => berth.kubectl('get', 'pv,volumeattachments', '-o', 'name'),
      (text) => text.trim() === '',
      'the volumes are gone',
    );
    await until(
      async () => images(),
      (left) => left.length === 0,
      'the image files are gone',
    );
    const mounts = (): readonly string[] =>
      readFileSync('/proc/self/mountinfo', 'utf8')
        .split('\n')
        .filter((line) => line.includes(`${berth.directory}/kubelet/p`));
    await until(
      async () => mounts(),
      (left) => left.length === 0,
      'the mounts are gone',
    );
    await until(
      async () => (await run('losetup', ['-a'])).stdout.split('\n').filter((line) => line.includes(berth.directory) && !line.includes('pool.btrfs')),
      (left) => left.length === 0,
      'the devices are gone',
    );
    await until(
      async () => readdirSync(join(berth.directory, 'kubelet', 'pods')),
      (left) => left.length === 0,
      'the directories of the pods are gone',
    );
  });
});
