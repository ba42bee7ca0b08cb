import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { FakeHost } from '../../host/fake.ts';
import { setUpHostPath } from './host-path.ts';
import { VolumeError } from './volume.ts';

async function open(): Promise<FakeHost> {
  const host = new FakeHost({ clock: new VirtualClock() });
  await host.files.makeDirectory('/data/dir');
  await host.files.writeFileAtomic('/data/file', '');
  await host.files.symlink('/data/dir', '/data/link');
  return host;
}

for (const { path, type, refused, made } of [
  { path: '/data/none', type: '', refused: undefined, made: undefined },
  { path: '/data/dir', type: 'Directory', refused: undefined, made: 'directory' },
  { path: '/data/link', type: 'Directory', refused: undefined, made: 'symlink' },
  { path: '/data/file', type: 'Directory', refused: 'hostPath type check failed: /data/file is not a directory', made: 'file' },
  { path: '/data/none', type: 'Directory', refused: 'hostPath type check failed: /data/none is not a directory', made: undefined },
  { path: '/data/new/deep', type: 'DirectoryOrCreate', refused: undefined, made: 'directory' },
  { path: '/data/file', type: 'DirectoryOrCreate', refused: 'hostPath type check failed: /data/file is not a directory', made: 'file' },
  { path: '/data/file', type: 'File', refused: undefined, made: 'file' },
  { path: '/data/dir', type: 'File', refused: 'hostPath type check failed: /data/dir is not a file', made: 'directory' },
  { path: '/data/newfile', type: 'FileOrCreate', refused: undefined, made: 'file' },
  { path: '/data/file', type: 'Socket', refused: 'hostPath type check failed: /data/file is not a socket file', made: 'file' },
  { path: '/data/file', type: 'CharDevice', refused: 'hostPath type check failed: /data/file is not a character device', made: 'file' },
  { path: '/data/file', type: 'BlockDevice', refused: 'hostPath type check failed: /data/file is not a block device', made: 'file' },
  { path: '/data/file', type: 'constructor', refused: '"constructor" is an invalid volume type', made: 'file' },
] as const) {
  test(`hostPath ${path} as ${type === '' ? 'anything' : type}: ${refused ?? 'fine'}`, async () => {
    const host = await open();
    if (refused === undefined) assert.equal((await setUpHostPath(host, { path, type })).path, path);
    else await assert.rejects(setUpHostPath(host, { path, type }), (thrown) => thrown instanceof VolumeError && thrown.message === refused);
    assert.equal((await host.files.stat(path))?.type, made);
  });
}
