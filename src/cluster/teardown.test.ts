import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../base/virtual-clock.ts';
import { FakeHost } from '../host/fake.ts';
import { formatMark } from '../node/volumes/mark.ts';
import { type ClusterIdentity, layoutOf } from './data-directory.ts';
import { releaseVolumes } from './teardown.ts';

const ROOT = '/var/lib/kubelet';
const IDENTITY: ClusterIdentity = { format: 1, id: 'abcd1234', apiPort: 0, nodePort: 0, podCidr: '', kubeletRoot: ROOT };

test("what a foreign kubelet's pods have mounted in the same place stays", { skip: process.getuid?.() !== 0 }, async () => {
  const host = new FakeHost({ clock: new VirtualClock() });
  const volume = async (uid: string, mark: string | undefined): Promise<string> => {
    const target = `${ROOT}/pods/${uid}/volumes/kubernetes.io~empty-dir/v`;
    await host.files.makeDirectory(target);
    if (mark !== undefined) await host.files.writeFileAtomic(`${ROOT}/pods/${uid}/.berth.json`, mark);
    await host.mounts.mount({ source: 'tmpfs', target, type: 'tmpfs' });
    return target;
  };
  const pod = { uid: 'u', name: 'p', namespace: 'ns' };
  await volume('ours', formatMark('abcd1234', pod));
  const another = await volume('another', formatMark('eeee5678', pod));
  const foreign = await volume('foreign', undefined);
  await releaseVolumes(host, layoutOf('/var/lib/berth'), IDENTITY, () => {});
  assert.deepEqual((await host.mounts.below(ROOT)).map(({ target }) => target).toSorted(), [another, foreign].toSorted());
});
