import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { FakeHost } from '../../host/fake.ts';
import { openPool, type PoolOptions } from './open.ts';
import { type Pool, PoolError, type PoolErrorCode } from './pool.ts';

const MiB = 2 ** 20;
const GiB = 2 ** 30;
const HOUR_MS = 3_600_000;
const drain = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class Stage {
  readonly clock = new VirtualClock();
  readonly host: FakeHost;

  constructor(diskBytes = 10 * GiB) {
    this.host = new FakeHost({ clock: this.clock, diskBytes });
  }

  open(options: Partial<PoolOptions> = {}): Promise<Pool> {
    return openPool({ host: this.host, clock: this.clock, root: '/pool', mark: 'here', kind: 'plain', ...options });
  }
}

function code(expected: PoolErrorCode): (thrown: unknown) => boolean {
  return (thrown) => thrown instanceof PoolError && thrown.code === expected;
}

const volume = (id: string, sizeBytes = 64 * MiB): Parameters<Pool['create']>[0] => ({ id, name: id, sizeBytes, mode: 'mount' });

describe('a pool', () => {
  it("is refused when it is another cluster's, of another kind, newer, or no pool at all", async () => {
    const { host, ...stage } = new Stage();
    const open = (options: Partial<PoolOptions> = {}): Promise<Pool> =>
      openPool({ host, clock: stage.clock, root: '/pool', mark: 'here', kind: 'plain', ...options });
    await host.files.makeDirectory('/pool/photos');
    await assert.rejects(open(), code('foreign'));
    await host.files.removeDirectory('/pool/photos');
    await open();
    await assert.rejects(open({ mark: 'there' }), code('foreign'));
    await assert.rejects(open({ kind: 'directory' }), code('unsupported'));
    assert.equal((await open({ kind: 'auto' })).kind, 'plain');
    await host.files.writeFileAtomic('/pool/pool.json', '{"format":2,"mark":"here","kind":"plain"}');
    await assert.rejects(open(), code('newer'));
  });

  it('keeps one volume out of order whose record is damaged, and serves the others; nothing of it is touched, and mended it is back', async () => {
    const stage = new Stage();
    const pool = await stage.open({ maxBytes: 260 * MiB });
    for (const id of ['bad', 'good', 'gone']) await pool.create(volume(id));
    await pool.createSnapshot({ id: 's', sourceId: 'bad' }, (work) => work());
    await pool.remove('gone');
    const trashId = pool.trash()[0]?.trashId ?? '';
    const record = await stage.host.files.readText('/pool/volumes/bad/volume.json');
    for (const [path, text] of [
      ['/pool/volumes/bad/volume.json', ''],
      ['/pool/snapshots/s/snapshot.json', '{"id":7}'],
      [`/pool/trash/${trashId}/volume.json`, '{'],
    ] as const)
      await stage.host.files.writeFileAtomic(path, text);

    const again = await stage.open({ maxBytes: 260 * MiB });
    assert.deepEqual(
      again.volumes().map(({ id }) => id),
      ['good'],
    );
    assert.deepEqual(
      again.damaged().map(({ kind, id }) => [kind, id]),
      [
        ['volumes', 'bad'],
        ['snapshots', 's'],
        ['trash', trashId],
      ],
    );
    assert.match(
      again.damaged()[0]?.message ?? '',
      /^\/pool\/volumes\/bad\/volume\.json can't be read \(.*\); what is in \/pool\/volumes\/bad is left as it is$/,
    );
    for (const work of [
      () => again.find('bad'),
      () => again.create(volume('bad')),
      () => again.resize('bad', 128 * MiB),
      () => again.remove('bad'),
      () => again.createSnapshot({ id: 't', sourceId: 'bad' }, (run) => run()),
      () => again.createSnapshot({ id: 's', sourceId: 'good' }, (run) => run()),
      () => again.removeSnapshot('s'),
      () => again.create({ ...volume('copy'), from: { snapshotId: 's' } }),
    ])
      await assert.rejects(work(), code('damaged'));
    await again.purge('all');
    for (const path of ['/pool/volumes/bad/image', '/pool/snapshots/s/image', `/pool/trash/${trashId}/image`])
      assert.notEqual(await stage.host.files.stat(path), undefined, path);
    await assert.rejects(again.create(volume('large', 100 * MiB)), code('no-space'), 'what is damaged counts as used');
    await again.resize('good', 66 * MiB);

    await stage.host.files.writeFileAtomic('/pool/volumes/bad/volume.json', record);
    assert.equal((await again.find('bad'))?.sizeBytes, 64 * MiB);
    await again.remove('bad');
    assert.equal(await again.find('bad'), undefined);
  });

  it('has after a restart what it had before, and nothing of what was half made', async () => {
    const stage = new Stage();
    const pool = await stage.open();
    await pool.create({ ...volume('a'), claim: { namespace: 'ns', name: 'c' } });
    await pool.resize('a', 96 * MiB);
    await pool.formatted('a', { type: 'xfs', bytes: 64 * MiB });
    await pool.createSnapshot({ id: 's', sourceId: 'a' }, (work) => work());
    await pool.create(volume('b'));
    await pool.remove('b');
    await stage.host.files.makeDirectory('/pool/work/c.0');
    await stage.host.files.writeFileAtomic('/pool/work/c.0/image', 'half');
    const again = await stage.open();
    assert.deepEqual(again.volumes(), pool.volumes());
    assert.deepEqual(again.volume('a'), {
      id: 'a',
      name: 'a',
      sizeBytes: 96 * MiB,
      mode: 'mount',
      filesystem: { type: 'xfs', bytes: 64 * MiB },
      from: undefined,
      claim: { namespace: 'ns', name: 'c' },
      createdMs: stage.clock.now(),
      sharedBytes: 0,
    });
    assert.deepEqual(again.snapshots(), pool.snapshots());
    assert.deepEqual(again.trash(), pool.trash());
    assert.deepEqual(await stage.host.files.readDirectory('/pool/work'), []);
  });

  it('never promises more than there is: sizes count, used or not', async () => {
    const stage = new Stage();
    const pool = await stage.open({ maxBytes: GiB });
    await pool.create(volume('a', 600 * MiB));
    assert.equal((await pool.space()).availableBytes, GiB - 600 * MiB);
    await assert.rejects(pool.create(volume('b', 600 * MiB)), code('no-space'));
    await assert.rejects(pool.resize('a', 1100 * MiB), code('no-space'));
    const both = await Promise.allSettled([pool.create(volume('c', 300 * MiB)), pool.create(volume('d', 300 * MiB))]);
    assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected'], 'two at once do not get the same bytes');
    assert.equal(pool.volume('b'), undefined);
    assert.deepEqual(await stage.host.files.readDirectory('/pool/work'), []);
  });

  it('keeps deleted volumes for a time, gives them back, and gives them up for room', async () => {
    const stage = new Stage(3 * GiB);
    const pool = await stage.open({ trashMs: HOUR_MS });
    await pool.create(volume('a', GiB));
    await pool.remove('a');
    await pool.remove('a');
    assert.equal(pool.trash().length, 1);
    await stage.clock.advance(HOUR_MS / 2, drain);
    await pool.restore(pool.trash()[0]?.trashId ?? '');
    assert.equal(pool.volume('a')?.sizeBytes, GiB);
    await pool.remove('a');
    await pool.create(volume('a', GiB));
    await assert.rejects(pool.restore(pool.trash()[0]?.trashId ?? ''), code('exists'));
    await pool.create(volume('b', GiB));
    assert.deepEqual(pool.trash(), [], 'it went for the new volume');
    await pool.remove('b');
    await stage.clock.advance(HOUR_MS + 1, drain);
    for (let i = 0; i < 20; i++) await drain();
    assert.deepEqual(pool.trash(), [], 'it went with time');
    assert.deepEqual(await stage.host.files.readDirectory('/pool/trash'), []);
  });

  it('the same again is the same; another is refused; what is not there is said', async () => {
    const pool = await new Stage().open();
    const made = await pool.create(volume('a'));
    assert.equal(await pool.create(volume('a')), made);
    await assert.rejects(pool.create(volume('a', 65 * MiB)), code('exists'));
    await assert.rejects(pool.create({ ...volume('a'), mode: 'block' }), code('exists'));
    await assert.rejects(pool.create({ ...volume('b'), from: { snapshotId: 'none' } }), code('missing'));
    await assert.rejects(pool.resize('none', GiB), code('missing'));
    assert.equal(await pool.resize('a', MiB), made, 'it never shrinks');
    const snapshot = await pool.createSnapshot({ id: 's', sourceId: 'a' }, (work) => work());
    assert.equal(await pool.createSnapshot({ id: 's', sourceId: 'a' }, (work) => work()), snapshot);
    await pool.create(volume('other'));
    await assert.rejects(
      pool.createSnapshot({ id: 's', sourceId: 'other' }, (work) => work()),
      code('exists'),
    );
    await assert.rejects(pool.create({ ...volume('c'), mode: 'block', from: { snapshotId: 's' } }), code('unsupported'));
  });
});
