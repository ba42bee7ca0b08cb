import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../base/virtual-clock.ts';
import { FakeHost } from '../host/fake.ts';
import { HostError } from '../host/host.ts';
import { deleteHostPath } from './delete-host-path.ts';

const CLUSTER = '/tmp/cluster/data';

async function machine(): Promise<FakeHost> {
  const host = new FakeHost({ clock: new VirtualClock() });
  for (const path of ['/tmp/volume/a', '/etc/keys', CLUSTER]) await host.files.makeDirectory(path);
  await host.files.symlink('/etc', '/tmp/way');
  await host.files.symlink('/etc/keys', '/tmp/link');
  return host;
}

const refused = (thrown: unknown): boolean => thrown instanceof HostError && thrown.code === 'not-permitted';

test('a directory below /tmp goes, with what is in it', async () => {
  const { files } = await machine();
  await deleteHostPath(files, '/tmp/volume/', CLUSTER);
  assert.equal(await files.stat('/tmp/volume'), undefined);
  await deleteHostPath(files, '/tmp/nothing/at/all', CLUSTER);
});

test('what a link leads to stays', async () => {
  const { files } = await machine();
  await assert.rejects(deleteHostPath(files, '/tmp/way/keys', CLUSTER), refused);
  await deleteHostPath(files, '/tmp/link', CLUSTER);
  assert.ok((await files.stat('/etc/keys')) !== undefined);
});

test('the cluster does not delete itself', async () => {
  const { files } = await machine();
  await assert.rejects(deleteHostPath(files, '/tmp/cluster', CLUSTER), refused);
  await assert.rejects(deleteHostPath(files, CLUSTER, CLUSTER), refused);
});
