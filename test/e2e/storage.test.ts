/** Volumes of a pool in real pods, on both kinds of pool: walls, growth, copies, devices, and what can't be had. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Berth, until } from './berth.ts';

const claim = (name: string, size: string, more = ''): string => `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: ${name} }
spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: ${size} } }${more === '' ? '' : `, ${more}`} }
---`;

const pod = (name: string, claimName: string, more = ''): string => `
apiVersion: v1
kind: Pod
metadata: { name: ${name} }
spec:
  terminationGracePeriodSeconds: 1
  ${more}
  containers:
    - name: c
      image: busybox:1.36
      command: ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 1 & wait $!; done"]
      volumeMounts: [{ name: v, mountPath: /data }]
  volumes: [{ name: v, persistentVolumeClaim: { claimName: ${claimName} } }]
---`;

for (const kind of ['plain', 'btrfs']) {
  describe(`volumes of a ${kind} pool`, () => {
    let berth: Berth;
    before(async () => {
      berth = await Berth.start(['--pool', kind]);
    });
    after(() => berth[Symbol.asyncDispose]());

    const ready = (name: string): Promise<string> => berth.kubectl('wait', '--for=condition=Ready', `pod/${name}`, '--timeout=240s');
    const sizeOf = async (name: string): Promise<number> =>
      Number((await berth.exec(name, 'df', '-k', '/data')).trim().split('\n').at(-1)?.split(/\s+/)[1] ?? 0) * 1024;

    it('a full volume says so, grows under its pod, and takes more', async () => {
      await berth.apply(claim('grow', '64Mi') + pod('grow', 'grow', 'securityContext: { fsGroup: 2000 }'));
      await ready('grow');
      const small = await sizeOf('grow');
      assert.ok(small > 48 * 2 ** 20 && small <= 64 * 2 ** 20, `df says ${small}`);
      assert.match(await berth.exec('grow', 'sh', '-c', 'dd if=/dev/zero of=/data/fill bs=1M 2>&1; true'), /No space left on device/);
      assert.match(await berth.exec('grow', 'stat', '-c', '%g %A', '/data'), /^2000 drwxrws/);
      await berth.kubectl('patch', 'pvc', 'grow', '-p', '{"spec":{"resources":{"requests":{"storage":"128Mi"}}}}');
      await until(
        () => sizeOf('grow'),
        (size) => size > 100 * 2 ** 20,
        'the file system has grown',
      );
      assert.equal(
        await until(
          () => berth.get('pvc grow', '.status.capacity.storage'),
          (text) => text === '128Mi',
          'the claim says so',
        ),
        '128Mi',
      );
      await berth.exec('grow', 'sh', '-c', 'echo more > /data/more && sync && cat /data/more');
    });

    it('a copy of a volume has its bytes and a life of its own', async () => {
      await berth.exec('grow', 'sh', '-c', 'echo before > /data/word && sync');
      await berth.apply(claim('copy', '128Mi', 'dataSource: { kind: PersistentVolumeClaim, name: grow }') + pod('copy', 'copy'));
      await ready('copy');
      await berth.exec('grow', 'sh', '-c', 'echo after > /data/word');
      assert.equal((await berth.exec('copy', 'cat', '/data/word')).trim(), 'before');
    });

    it('a block volume is a device in the pod', async () => {
      await berth.apply(`${claim('raw', '32Mi', 'volumeMode: Block')}
apiVersion: v1
kind: Pod
metadata: { name: raw }
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: c
      image: busybox:1.36
      command: ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 1 & wait $!; done"]
      volumeDevices: [{ name: v, devicePath: /dev/raw }]
  volumes: [{ name: v, persistentVolumeClaim: { claimName: raw } }]
`);
      await ready('raw');
      assert.match(await berth.exec('raw', 'sh', '-c', 'dd if=/dev/zero of=/dev/raw bs=1M 2>&1; true'), /32\+0 records out/);
    });

    it('what the class can not give is refused by name', async () => {
      await berth.apply(claim('shared', '32Mi', 'storageClassName: berth-immediate').replace('ReadWriteOnce', 'ReadWriteMany'));
      const events = await until(
        () => berth.kubectl('describe', 'pvc', 'shared'),
        (text) => text.includes('ProvisioningFailed'),
        'an event says why',
      );
      assert.match(events, /ReadWriteOnce and ReadWriteOncePod/);
      await berth.kubectl('delete', 'pvc', 'shared');
    });

    it('after a kill everything is where it was; what is deleted is gone from the API and from the node', async () => {
      await berth.kill();
      await berth.up();
      assert.equal((await berth.exec('grow', 'cat', '/data/word')).trim(), 'after');
      await berth.kubectl('delete', 'pod', 'grow', 'copy', 'raw');
      await berth.kubectl('delete', 'pvc', 'grow', 'copy', 'raw');
      await until(
        () => berth.kubectl('get', 'pv', '-o', 'name'),
        (text) => text.trim() === '',
        'the volumes are gone',
      );
    });
  });
}
