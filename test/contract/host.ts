import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { type Host, HostError, type HostErrorCode } from '../../src/host/host.ts';

export interface HostUnderTest {
  readonly host: Host;
  /** An empty directory. Unmounted, detached and removed by the opener when the test ends. */
  readonly directory: string;
}

export interface HostContractOptions {
  readonly name: string;
  readonly open: (t: TestContext) => Promise<HostUnderTest>;
  /** May it mount and attach? */
  readonly privileged: boolean;
}

const MiB = 1024 * 1024;

function code(expected: HostErrorCode): (thrown: unknown) => boolean {
  return (thrown) => {
    assert.ok(thrown instanceof HostError, String(thrown));
    assert.equal(thrown.code, expected);
    return true;
  };
}

/** What every Host promises. */
export function hostContract({ name, open, privileged }: HostContractOptions): void {
  test(`host contract: ${name}: files`, async (t) => {
    const { host, directory } = await open(t);
    const { files } = host;
    const at = (...parts: readonly string[]): string => join(directory, ...parts);

    await t.test('a file has the contents, mode and name that it was given, and nothing is left beside it', async () => {
      await files.makeDirectory(at('a/b'), { mode: 0o2770 });
      await files.writeFileAtomic(at('a/b/file'), 'text', { mode: 0o600, durable: true });
      await files.writeFileAtomic(at('a/b/file'), 'other text', { mode: 0o640 });
      assert.equal(await files.readText(at('a/b/file')), 'other text');
      assert.equal((await files.stat(at('a/b/file')))?.mode, 0o640);
      assert.equal((await files.stat(at('a/b')))?.mode, 0o2770);
      assert.equal((await files.stat(at('a')))?.mode, 0o755);
      assert.deepEqual(await files.readDirectory(at('a/b')), [{ name: 'file', type: 'file' }]);
    });

    await t.test('what is not there is undefined for stat, an error for reading, and a success for removing', async () => {
      assert.equal(await files.stat(at('nothing')), undefined);
      assert.equal(await files.stat(at('a/b/file/below')), undefined);
      assert.equal(await files.readLink(at('nothing')), undefined);
      await assert.rejects(files.readText(at('nothing')), code('missing'));
      await assert.rejects(files.readDirectory(at('nothing')), code('missing'));
      await assert.rejects(files.readDirectory(at('a/b/file')), code('not-directory'));
      await files.removeFile(at('nothing'));
      await files.removeDirectory(at('nothing'));
      await files.removeTree(at('nothing'));
    });

    await t.test('a directory goes only when it is empty, a tree goes whole', async () => {
      await assert.rejects(files.removeDirectory(at('a')), code('not-empty'));
      await files.removeTree(at('a'));
      assert.equal(await files.stat(at('a')), undefined);
    });

    await t.test('links are followed when asked, removed and not followed otherwise', async () => {
      await files.makeDirectory(at('real'));
      await files.writeFileAtomic(at('real/file'), 'text');
      await files.symlink('real', at('link'));
      await files.symlink('real', at('link'));
      await assert.rejects(files.symlink('elsewhere', at('link')), code('exists'));
      assert.equal(await files.readLink(at('link')), 'real');
      assert.equal((await files.stat(at('link')))?.type, 'symlink');
      assert.equal((await files.stat(at('link'), { follow: true }))?.type, 'directory');
      assert.equal(await files.realPath(at('link/file')), at('real/file'));
      assert.equal(await files.readText(at('link/file')), 'text');
      await files.removeTree(at('link'));
      assert.equal(await files.readText(at('real/file')), 'text');
      await files.rename(at('real/file'), at('real/moved'));
      assert.deepEqual(await files.readDirectory(at('real')), [{ name: 'moved', type: 'file' }]);
    });

    await t.test('sizes: sparse, allocated, bounded reading', async () => {
      await files.truncate(at('sparse'), 8 * MiB);
      const sparse = await files.stat(at('sparse'));
      assert.equal(sparse?.sizeBytes, 8 * MiB);
      assert.ok((sparse?.allocatedBytes ?? 0) < MiB);
      await files.allocate(at('sparse'), 0, 8 * MiB);
      assert.ok(((await files.stat(at('sparse')))?.allocatedBytes ?? 0) >= 8 * MiB);
      await assert.rejects(files.readFile(at('sparse'), { maxBytes: MiB }), code('too-large'));
      await files.copyFile(at('sparse'), at('copy'), { reflink: 'try' });
      assert.equal((await files.stat(at('copy')))?.sizeBytes, 8 * MiB);
      assert.ok((await files.statfs(directory)).totalBytes > 8 * MiB);
      await files.removeFile(at('sparse'));
      await files.removeFile(at('copy'));
    });

    await t.test('fsGroup: group and bits on everything, once', { skip: !privileged }, async () => {
      await files.makeDirectory(at('group/inner'), { mode: 0o700 });
      await files.writeFileAtomic(at('group/inner/file'), '', { mode: 0o600 });
      await files.symlink('file', at('group/inner/link'));
      assert.equal(await files.ownTree(at('group'), { gid: 2000, policy: 'OnRootMismatch' }), 4);
      assert.equal((await files.stat(at('group')))?.mode, 0o2775);
      assert.equal((await files.stat(at('group/inner')))?.mode, 0o2770);
      assert.equal((await files.stat(at('group/inner/file')))?.mode, 0o660);
      assert.equal((await files.stat(at('group/inner/link')))?.gid, 2000);
      await files.writeFileAtomic(at('group/late'), '');
      assert.equal(await files.ownTree(at('group'), { gid: 2000, policy: 'OnRootMismatch' }), 0);
      assert.equal(await files.ownTree(at('group'), { gid: 2000, policy: 'Always' }), 1);
    });
  });

  test(`host contract: ${name}: mounts and devices`, { skip: privileged ? false : 'needs root' }, async (t) => {
    const { host, directory } = await open(t);
    const { files, mounts, loops, filesystems } = host;
    const at = (...parts: readonly string[]): string => join(directory, ...parts);
    for (const part of ['mnt', 'bind', 'source']) await files.makeDirectory(at(part));

    await t.test('tmpfs and bind mounts show in the table; nothing is removed below them', async () => {
      await mounts.mount({ source: 'tmpfs', target: at('mnt'), type: 'tmpfs', options: [`size=${MiB}`] });
      assert.equal((await mounts.at(at('mnt')))?.type, 'tmpfs');
      await files.writeFileAtomic(at('mnt/file'), 'text');
      await mounts.bind({ source: at('mnt'), target: at('bind'), readOnly: true });
      assert.equal(await files.readText(at('bind/file')), 'text');
      await assert.rejects(files.writeFileAtomic(at('bind/file'), 'no'), code('read-only'));
      await assert.rejects(files.removeTree(directory), code('busy'));
      await assert.rejects(files.removeTree(at('mnt')), code('busy'));
      await assert.rejects(
        files.removeDirectory(at('mnt')),
        (thrown: unknown) => thrown instanceof HostError && (thrown.code === 'busy' || thrown.code === 'not-empty'),
      );
      assert.deepEqual((await mounts.below(directory)).map(({ target }) => target).sort(), [at('bind'), at('mnt')]);
      await assert.rejects(files.rename(at('mnt/file'), at('source/file')), code('cross-device'));
      await files.symlink(directory, at('source/way'));
      assert.equal((await mounts.at(at('source/way/mnt')))?.target, at('mnt'), 'found by whatever way');
      await mounts.unmount(at('bind'));
      await mounts.unmount(at('bind'));
      await mounts.unmount(at('source/way/mnt'));
      assert.deepEqual(await mounts.below(directory), []);
    });

    await t.test('bindWithin: what lies below a root, by links that stay in it', async () => {
      const root = at('root');
      await files.makeDirectory(join(root, 'dir'), { mode: 0o700 });
      await files.chmod(root, 0o770);
      await files.writeFileAtomic(join(root, 'dir/file'), 'text');
      await files.makeDirectory(at('secret'));
      for (const [name, leadsTo] of [
        ['inside', 'dir'],
        ['around', 'dir/../dir/file'],
        ['absolute', join(root, 'dir')],
        ['out', '../secret'],
        ['far', at('secret')],
        ['loop', 'loop'],
      ] as const)
        await files.symlink(leadsTo, join(root, name));
      const bind = (path: string, make = true): Promise<void> => mounts.bindWithin({ root, path, target: at('targets/one'), make });
      for (const [path, type] of [
        ['', 'directory'],
        ['dir', 'directory'],
        ['dir/./file', 'file'],
        ['inside/file', 'file'],
        ['around', 'file'],
        ['absolute/file', 'file'],
        ['made/below', 'directory'],
      ] as const) {
        await bind(path);
        const there = await files.stat(at('targets/one'));
        assert.deepEqual([there?.type, there?.inode], [type, (await files.stat(join(root, path), { follow: true }))?.inode], path);
        await mounts.unmount(at('targets/one'));
        await (type === 'file' ? files.removeFile(at('targets/one')) : files.removeDirectory(at('targets/one')));
      }
      assert.equal((await files.stat(join(root, 'made/below')))?.mode, 0o770);
      for (const path of ['out', 'out/deeper', 'far', 'far/deeper', '../secret', 'dir/../../secret'])
        await assert.rejects(bind(path), code('not-permitted'), path);
      for (const [path, expected] of [
        ['gone', 'missing'],
        ['dir/gone/deeper', 'missing'],
        ['dir/file/deeper', 'not-directory'],
        ['loop', 'failed'],
      ] as const)
        await assert.rejects(bind(path, false), code(expected), path);
      assert.deepEqual([await mounts.at(at('targets/one')), await files.readDirectory(at('secret'))], [undefined, []]);
    });

    await t.test('an image file: made, attached, mounted, filled, grown, frozen, detached', async () => {
      const image = at('image');
      await files.allocate(image, 0, 32 * MiB);
      assert.equal(await filesystems.probe(image), undefined);
      await filesystems.make(image, { type: 'xfs', extra: ['--unsupported'] });
      assert.equal((await filesystems.probe(image))?.type, 'xfs');
      await assert.rejects(filesystems.make(image, { type: 'xfs' }), code('exists'));
      const { device } = await loops.attach(image, { directIo: true });
      assert.deepEqual(
        (await loops.find(image)).map((loop) => loop.device),
        [device],
      );
      await mounts.mount({ source: device, target: at('mnt'), type: 'xfs' });
      assert.equal((await mounts.at(at('mnt')))?.source, device);
      const before = (await files.statfs(at('mnt'))).totalBytes;
      assert.ok(before <= 32 * MiB && before > 16 * MiB);
      await assert.rejects(files.allocate(at('mnt/file'), 0, 64 * MiB), code('no-space'));
      await files.removeFile(at('mnt/file'));
      await files.allocate(image, 0, 64 * MiB);
      await loops.refresh(device);
      await filesystems.grow({ type: 'xfs', device, mountedAt: at('mnt') });
      assert.ok((await files.statfs(at('mnt'))).totalBytes > before);
      await filesystems.freeze(at('mnt'));
      await assert.rejects(filesystems.freeze(at('mnt')), code('busy'));
      await filesystems.thaw(at('mnt'));
      await filesystems.thaw(at('mnt'));
      await mounts.unmount(at('mnt'));
      await loops.detach(device, at('other'));
      assert.equal((await loops.find(image)).length, 1);
      await loops.detach(device, image);
      await loops.detach(device, image);
      assert.deepEqual(await loops.find(image), []);
    });
  });
}
