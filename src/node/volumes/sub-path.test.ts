import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { FakeHost } from '../../host/fake.ts';
import { bindSubPath, unbindAll } from './sub-path.ts';
import { type MountedVolume, VolumeError } from './volume.ts';

const VOLUME: MountedVolume = { path: '/k/volume', mode: 'Filesystem', readOnly: false, writable: true };
const TARGET = '/k/volume-subpaths/v/c/0';

/** A volume with `dir/file`, links inside and out of it, and a secret beside it. */
async function open(): Promise<FakeHost> {
  const host = new FakeHost({ clock: new VirtualClock() });
  await host.files.makeDirectory('/k/volume/dir');
  await host.files.makeDirectory('/k/secret');
  await host.files.writeFileAtomic('/k/volume/dir/file', 'text');
  await host.files.symlink('dir', '/k/volume/inside');
  await host.files.symlink('/k/secret', '/k/volume/absolute');
  await host.files.symlink('../secret', '/k/volume/relative');
  return host;
}

for (const [subPath, type] of [
  ['dir', 'directory'],
  ['dir/file', 'file'],
  ['inside/file', 'file'],
  ['new/below', 'directory'],
  ['dir/./', 'directory'],
] as const) {
  test(`subPath ${subPath} is bound as a ${type}`, async () => {
    const host = await open();
    await bindSubPath(host, { volume: VOLUME, subPath, target: TARGET });
    assert.equal((await host.files.stat(TARGET))?.type, type);
    assert.notEqual(await host.mounts.at(TARGET), undefined);
  });
}

for (const subPath of ['absolute', 'relative', 'relative/deeper', '../secret', 'dir/../../secret', '/k/secret']) {
  test(`subPath ${subPath} is refused`, async () => {
    const host = await open();
    await assert.rejects(bindSubPath(host, { volume: VOLUME, subPath, target: TARGET }), VolumeError);
    assert.equal(await host.mounts.at(TARGET), undefined);
    assert.equal(await host.files.stat('/k/secret/deeper'), undefined);
  });
}

test('nothing is made in a volume that is read-only or follows a source', async () => {
  const host = await open();
  await assert.rejects(bindSubPath(host, { volume: { ...VOLUME, readOnly: true }, subPath: 'new', target: TARGET }), /does not exist in the volume/);
  await assert.rejects(bindSubPath(host, { volume: { ...VOLUME, writable: false }, subPath: 'new', target: TARGET }), /does not exist in the volume/);
});

test('a restarted container gets what is there now, bound once', async () => {
  const host = await open();
  await bindSubPath(host, { volume: VOLUME, subPath: 'dir/file', target: TARGET });
  await host.files.writeFileAtomic('/k/volume/dir/file', 'newer');
  await bindSubPath(host, { volume: VOLUME, subPath: 'dir/file', target: TARGET });
  assert.equal(await host.files.readText(TARGET), 'newer');
  assert.equal((await host.mounts.below(TARGET)).length, 1);
  await unbindAll(host, '/k/volume-subpaths');
  assert.equal(await host.files.stat('/k/volume-subpaths'), undefined);
  assert.equal(await host.files.readText('/k/volume/dir/file'), 'newer');
});
