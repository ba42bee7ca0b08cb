import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { RunningContainerd } from '../../src/node/containerd/start.ts';
import { buildOciArchive, digest, tar } from '../../src/node/runtime/oci-build.ts';
import { CriError } from '../../src/node/runtime/runtime.ts';
import { busyboxImage } from '../fixtures/busybox-image.ts';
import { type TestContainerd, testContainerd, whyNoContainers } from '../fixtures/containerd.ts';

describe('images from archives', { skip: whyNoContainers() ?? false }, () => {
  let at: TestContainerd;
  let running: RunningContainerd;
  before(async () => {
    at = await testContainerd();
    running = await at.start();
  });
  after(() => at[Symbol.asyncDispose]());

  const write = (bytes: Uint8Array): string => {
    const path = join(at.directory, 'archive.tar');
    writeFileSync(path, bytes);
    return path;
  };
  const blobs = (): readonly string[] => readdirSync(join(running.layout.rootDirectory, 'io.containerd.content.v1.content', 'blobs', 'sha256')).toSorted();
  const snapshots = (): number => readdirSync(join(running.layout.rootDirectory, 'io.containerd.snapshotter.v1.overlayfs', 'snapshots')).length;

  it('is loaded, found, listed, loaded again without change, and removed with all its blobs', async () => {
    const { images } = running.runtime;
    const before = blobs();
    const path = write(busyboxImage());
    assert.deepEqual(await images.load(path), ['docker.io/library/busybox:1.36']);
    const first = await images.find('busybox:1.36');
    const loaded = blobs();
    await images.load(path);
    assert.deepEqual([await images.find('busybox:1.36'), blobs()], [first, loaded]);
    assert.deepEqual(
      (await images.list()).map(({ names }) => names),
      [['docker.io/library/busybox:1.36']],
    );
    await images.remove('busybox:1.36');
    assert.equal(await images.find('busybox:1.36'), undefined);
    // containerd collects what nothing refers to a little later; an import's end makes it do so at once.
    await assert.rejects(images.load(write(damaged())));
    assert.deepEqual(blobs(), before);
  });

  it('a name moves to the image that was loaded last', async () => {
    const { images } = running.runtime;
    const make = (text: string): string =>
      write(
        buildOciArchive({ name: 'docker.io/library/app:1', architecture: 'amd64', files: [{ name: 'a', mode: 0o644, bytes: Buffer.from(text) }], config: {} }),
      );
    await images.load(make('one'));
    const one = await images.find('app:1');
    await images.load(make('two'));
    const two = await images.find('app:1');
    assert.notEqual(one?.id, two?.id);
    await images.remove('app:1');
  });

  it('a docker archive, compressed as a whole, of two layers', async () => {
    const { images } = running.runtime;
    const layers = [tar([{ name: 'a', mode: 0o644, bytes: Buffer.from('a') }]), tar([{ name: 'b', mode: 0o644, bytes: Buffer.from('b') }])];
    const config = Buffer.from(
      JSON.stringify({ architecture: 'amd64', os: 'linux', config: { User: '1000:1000' }, rootfs: { type: 'layers', diff_ids: layers.map(digest) } }),
    );
    const manifest = Buffer.from(JSON.stringify([{ Config: 'c.json', RepoTags: ['two:1', 'quay.io/x/two:2'], Layers: ['0/layer.tar', '1/layer.tar'] }]));
    const archive = tar([
      { name: 'c.json', mode: 0o644, bytes: config },
      ...layers.map((layer, i) => ({ name: `${i}/layer.tar`, mode: 0o644, bytes: i === 0 ? layer : gzipSync(layer) })),
      { name: 'manifest.json', mode: 0o644, bytes: manifest },
    ]);
    assert.deepEqual(await images.load(write(gzipSync(archive))), ['docker.io/library/two:1', 'quay.io/x/two:2']);
    const found = await images.find('quay.io/x/two:2');
    assert.deepEqual([found?.names.toSorted(), found?.user.uid, found?.id], [['docker.io/library/two:1', 'quay.io/x/two:2'], 1000, digest(config)]);
    await images.remove('two:1');
    assert.deepEqual(
      readdirSync(running.layout.directory).filter((name) => name.startsWith('image-')),
      [],
    );
  });

  for (const { about, bytes, says } of [
    { about: 'a truncated archive', bytes: () => busyboxImage().subarray(0, 500_000), says: /is cut short/ },
    { about: 'a truncated compressed archive', bytes: () => gzipSync(busyboxImage(), { level: 1 }).subarray(0, 500_000), says: /cannot be decompressed/ },
    { about: 'one with a damaged layer', bytes: () => damaged(), says: /has a damaged blob sha256:/ },
    { about: 'one whose layer is no tar', bytes: () => notTar(), says: /cannot be unpacked/ },
    { about: 'something else', bytes: () => Buffer.from('no archive at all'), says: /is not a tar file/ },
  ]) {
    it(`${about} gives one clear error and leaves nothing`, async () => {
      // What earlier tests removed is collected at the end of an import.
      await assert.rejects(running.runtime.images.load(write(damaged())));
      const before = { blobs: blobs(), snapshots: snapshots(), images: await running.runtime.images.list() };
      await assert.rejects(running.runtime.images.load(write(bytes())), (thrown: unknown) => {
        assert.ok(thrown instanceof CriError && thrown.code === 'image-archive', String(thrown));
        assert.match(thrown.message, says);
        assert.ok(!thrown.message.includes('\n'));
        return true;
      });
      assert.deepEqual({ blobs: blobs(), snapshots: snapshots(), images: await running.runtime.images.list() }, before);
    });
  }

  it('a file that is not there is named', async () => {
    await assert.rejects(running.runtime.images.load('/no/such.tar'), { code: 'image-archive', message: /\/no\/such.tar cannot be read: ENOENT/ });
  });
});

/** One bit of the program inside the layer is turned. */
function damaged(): Buffer {
  const bytes = busyboxImage({ name: 'docker.io/library/damaged:1' });
  bytes[1_000_000] = (bytes[1_000_000] ?? 0) ^ 1;
  return bytes;
}

/** Whole by its digests, but the layer is text. */
function notTar(): Buffer {
  const layer = Buffer.from('this is not a tar file, though it is long enough to be looked at. '.repeat(100));
  const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: [digest(layer)] } }));
  return tar([
    { name: 'c.json', mode: 0o644, bytes: config },
    { name: 'layer.tar', mode: 0o644, bytes: layer },
    { name: 'manifest.json', mode: 0o644, bytes: Buffer.from(JSON.stringify([{ Config: 'c.json', RepoTags: ['bad:1'], Layers: ['layer.tar'] }])) },
  ]);
}
