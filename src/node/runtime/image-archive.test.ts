import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { ArchiveError, type ImageArchive, readImageArchive } from './image-archive.ts';
import { buildOciArchive, digest, type ImageFile, tar } from './oci-build.ts';
import { MEDIA } from './oci.ts';

const directory = mkdtempSync(join(tmpdir(), 'berth-archive-'));
after(() => rmSync(directory, { recursive: true }));

async function read(bytes: Uint8Array): Promise<ImageArchive> {
  const path = join(directory, 'archive.tar');
  writeFileSync(path, bytes);
  const file = await open(path);
  try {
    return await readImageArchive({ file, sizeBytes: bytes.length, baseName: 'archive', architecture: 'amd64' });
  } finally {
    await file.close();
  }
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const layer = tar([{ name: 'etc/motd', mode: 0o644, bytes: Buffer.from('hello') }]);
const config = json({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [digest(layer)] } });

function docker(more: Partial<Record<string, unknown>> = {}, layerBytes: Buffer = layer): Buffer {
  const files: ImageFile[] = [
    { name: 'config.json', mode: 0o644, bytes: config },
    { name: 'abc/layer.tar', mode: 0o644, bytes: layerBytes },
    {
      name: 'manifest.json',
      mode: 0o644,
      bytes: json([{ Config: 'config.json', RepoTags: ['app:1', 'example.com/app:2'], Layers: ['abc/layer.tar'], ...more }]),
    },
  ];
  return tar(files);
}

const oci = (): Buffer =>
  buildOciArchive({
    name: 'docker.io/library/app:1',
    architecture: 'amd64',
    files: [{ name: 'etc/motd', mode: 0o644, bytes: Buffer.from('hello') }],
    config: {},
  });

test('an OCI archive', async () => {
  const { images, blobs } = await read(oci());
  assert.deepEqual(
    images.map(({ names, layers, diffIds }) => ({ names, layers: layers.length, diffIds })),
    [{ names: ['docker.io/library/app:1'], layers: 1, diffIds: [digest(layer)] }],
  );
  assert.equal(blobs.size, 3);
});

test('a docker archive, its layers plain or compressed', async () => {
  for (const [bytes, mediaType] of [
    [layer, MEDIA.layer],
    [gzipSync(layer), MEDIA.gzipLayer],
  ] as const) {
    const { images } = await read(docker({}, bytes));
    assert.deepEqual(images[0]?.names, ['docker.io/library/app:1', 'example.com/app:2']);
    assert.deepEqual(images[0]?.layers, [{ mediaType, digest: digest(bytes), size: bytes.length }]);
  }
});

test('an image without a name is called as the file', async () => {
  assert.deepEqual((await read(docker({ RepoTags: null }))).images[0]?.names, ['docker.io/library/archive:latest']);
});

test('a layer that is a link to another is found', async () => {
  const files: ImageFile[] = [
    { name: 'config.json', mode: 0o644, bytes: config },
    { name: 'one/layer.tar', mode: 0o644, bytes: layer },
    { name: 'two/layer.tar', mode: 0o777, linkTo: '../one/layer.tar' },
    { name: 'manifest.json', mode: 0o644, bytes: json([{ Config: 'config.json', RepoTags: ['app:1'], Layers: ['two/layer.tar'] }]) },
  ];
  assert.equal((await read(tar(files))).images[0]?.layers[0]?.digest, digest(layer));
});

const index = (manifests: readonly unknown[]): Buffer => tar([{ name: 'index.json', mode: 0o644, bytes: json({ schemaVersion: 2, manifests }) }]);

for (const { about, bytes, says } of [
  { about: 'an empty file', bytes: Buffer.alloc(0), says: /is not a tar file/ },
  { about: 'a text', bytes: Buffer.from('hello\n'.repeat(200)), says: /is not a tar file/ },
  { about: 'zeros', bytes: Buffer.alloc(10240), says: /is an empty tar file/ },
  {
    about: 'a tar of something else',
    bytes: tar([{ name: 'a.txt', mode: 0o644, bytes: Buffer.from('a') }]),
    says: /neither index.json \(OCI\) nor manifest.json \(docker\)/,
  },
  { about: 'an OCI archive cut in half', bytes: oci().subarray(0, 3000), says: /cut short|lacks/ },
  { about: 'a docker archive cut in half', bytes: docker().subarray(0, 2000), says: /cut short|neither/ },
  {
    about: 'a manifest.json that is not JSON',
    bytes: tar([{ name: 'manifest.json', mode: 0o644, bytes: Buffer.from('{') }]),
    says: /manifest.json that is not JSON/,
  },
  { about: 'an empty list of images', bytes: tar([{ name: 'manifest.json', mode: 0o644, bytes: Buffer.from('[]') }]), says: /empty manifest.json/ },
  { about: 'a layer that is not there', bytes: docker({ Layers: ['nope/layer.tar'] }), says: /lacks nope\/layer.tar/ },
  {
    about: 'more layers than the configuration tells',
    bytes: docker({ Layers: ['abc/layer.tar', 'abc/layer.tar'] }),
    says: /configuration that does not fit its 2 layers/,
  },
  { about: 'a tag that is no name', bytes: docker({ RepoTags: ['Not A Name'] }), says: /"Not A Name", which is not an image name/ },
  { about: 'an index of nothing', bytes: index([]), says: /without manifests/ },
  {
    about: 'another machine',
    bytes: index([{ digest: `sha256:${'0'.repeat(64)}`, platform: { os: 'linux', architecture: 's390x' } }]),
    says: /no image for linux\/amd64/,
  },
  { about: 'an index of nulls', bytes: index([null]), says: /without manifests/ },
  { about: 'a platform of null', bytes: index([{ digest: `sha256:${'0'.repeat(64)}`, platform: null, annotations: null }]), says: /lacks blobs\/sha256\/0/ },
  {
    about: 'an annotation that is no text',
    bytes: index([{ digest: 'sha256:0', annotations: { 'org.opencontainers.image.ref.name': {} } }]),
    says: /without manifests/,
  },
  { about: 'an index without digests', bytes: index([{ size: 3 }]), says: /without manifests/ },
  { about: 'layers that are numbers', bytes: docker({ Layers: [1] }), says: /without Config or Layers/ },
  { about: 'tags that are an object', bytes: docker({ RepoTags: {} }), says: /without Config or Layers/ },
  { about: 'a digest with a path in it', bytes: index([{ digest: 'sha256:../../etc/passwd' }]), says: /not a sha256 digest/ },
]) {
  test(`${about} is refused in one clear line`, async () => {
    await assert.rejects(read(bytes), (thrown: unknown) => thrown instanceof ArchiveError && says.test(thrown.message));
  });
}

test('damage anywhere is refused as such or leaves a whole archive, never another error', async () => {
  const good = [oci(), docker()];
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...good), fc.nat(), fc.nat(255), fc.nat(), async (archive, at, byte, cut) => {
      const bytes = Buffer.from(archive);
      bytes[at % bytes.length] = byte;
      try {
        await read(bytes.subarray(0, (cut % 4 === 0 ? cut : bytes.length) % (bytes.length + 1)));
      } catch (thrown) {
        assert.ok(thrown instanceof ArchiveError, String(thrown));
      }
    }),
    { numRuns: 400 },
  );
});
