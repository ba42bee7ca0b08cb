/** The disk of the data directory is full: what is refused, what goes on, what is still there, and that it mends itself. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { configMaps } from '../../src/api/gen/resources.ts';
import { connect } from '../../src/cli/connect.ts';
import { StatusError } from '../../src/machinery/status-error.ts';
import { Berth, until } from './berth.ts';

/** A disk of its own, small enough to be filled. */
class SmallDisk implements Disposable {
  readonly directory = mkdtempSync('/var/tmp/berth-e2e-disk-');
  readonly #image = `${this.directory}.img`;
  readonly #hogs: string[] = [];

  constructor(sizeBytes: number) {
    writeFileSync(this.#image, '');
    truncateSync(this.#image, sizeBytes);
    execFileSync('mkfs.ext4', ['-q', '-m', '0', this.#image]);
    execFileSync('mount', ['-o', 'loop', this.#image, this.directory]);
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.directory);
    return bavail * bsize;
  }

  /** Takes all there is. */
  fill(): void {
    const hog = join(this.directory, `hog-${this.#hogs.length}`);
    this.#hogs.push(hog);
    try {
      for (let bytes = 2 ** 20; bytes >= 1024; bytes /= 2) {
        try {
          for (;;) writeFileSync(hog, new Uint8Array(bytes), { flag: 'a' });
        } catch (thrown) {
          if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOSPC')) throw thrown;
        }
      }
    } finally {
      execFileSync('sync', ['-f', this.directory]);
    }
  }

  free(): void {
    for (const hog of this.#hogs.splice(0)) rmSync(hog);
  }

  [Symbol.dispose](): void {
    execFileSync('umount', [this.directory]);
    rmSync(this.#image);
    rmSync(this.directory, { recursive: true });
  }
}

describe('a full disk', { skip: process.getuid?.() !== 0 && 'a disk of its own needs root' }, () => {
  it('writes are refused with the cause, reads go on, nothing acknowledged is lost, and writes are taken again when there is room', async () => {
    using disk = new SmallDisk(96 * 2 ** 20);
    await using berth = await Berth.start(['--simulated'], { image: false, on: disk.directory });
    const kept: string[] = [];
    const write = async (name: string, bytes: number): Promise<void> => {
      using connection = await connect(berth.directory);
      await connection.client.create(configMaps, { metadata: { name, namespace: 'default' }, data: { x: 'y'.repeat(bytes) } });
      kept.push(name);
    };
    const names = async (): Promise<readonly string[]> =>
      (await berth.get('cm -l !none', '.items[*].metadata.name')).split(' ').filter((name) => name.startsWith('kept-'));
    const refused = async (): Promise<StatusError> => {
      for (let i = 0; i < 200; i++) {
        try {
          await write(`kept-${kept.length}`, 500_000);
        } catch (thrown) {
          assert.ok(thrown instanceof StatusError, String(thrown));
          return thrown;
        }
      }
      return assert.fail('nothing was refused');
    };
    const readiness = async (): Promise<string> => {
      const { stdout, stderr } = await berth.tryKubectl(['get', '--raw', '/readyz?verbose']);
      return stdout + stderr;
    };
    await write('kept-0', 10);
    disk.fill();
    const refusal = await refused();
    assert.equal(refusal.reason, 'ServiceUnavailable');
    assert.match(refusal.message, /^the store .*(no space left|disk is full)/i);
    assert.match(await readiness(), /\[-\]store/);
    assert.deepEqual((await names()).toSorted(), kept.toSorted(), 'reads go on');

    // The worst that can happen now: everything that could be given up is given up and taken by others, and the process ends.
    disk.fill();
    await berth.kill();
    const again = await berth.up().then(
      () => 'ready',
      (thrown: unknown) => String(thrown),
    );
    if (again !== 'ready') assert.match(again, /berth: [^\n]*(ENOSPC|no space|full)[^\n]*\n$/i);
    else assert.deepEqual((await names()).toSorted(), kept.toSorted());

    disk.free();
    if (again !== 'ready') await berth.up();
    await until(readiness, (text) => /\[\+\]store/.test(text), 'it mends itself');
    await write('kept-after', 10);
    assert.deepEqual((await names()).toSorted(), kept.toSorted(), 'nothing acknowledged is lost');
  });

  it('a volume keeps what was promised to it; a new one is refused with the cause, until there is room', async () => {
    using disk = new SmallDisk(700 * 2 ** 20);
    await using berth = await Berth.start([], { on: disk.directory });
    const claim = (name: string, size: string): string => `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: ${name} }
spec: { storageClassName: berth-immediate, accessModes: [ReadWriteOnce], resources: { requests: { storage: ${size} } } }
---
`;
    // Nothing can be told to a container on a full disk (exec needs a directory there), so it finds out by itself.
    const pod = (name: string): string => `
apiVersion: v1
kind: Pod
metadata: { name: ${name} }
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: c
      image: busybox:1.36
      command: ["sh", "-c", "trap 'exit 0' TERM; n=0; until [ -e /data/sum ] || ! dd if=/dev/zero of=/scratch/$n bs=64k count=1 conv=fsync 2>/dev/null; do n=$((n+1)); sleep 0.2 & wait $!; done; [ -e /data/sum ] || { dd if=/dev/urandom of=/data/x bs=1M count=40 && sync && md5sum /data/x > /data/new && sync && mv /data/new /data/sum && sync && echo written; }; while true; do sleep 1 & wait $!; done"]
      volumeMounts: [{ name: v, mountPath: /data }, { name: e, mountPath: /scratch }]
  volumes: [{ name: v, persistentVolumeClaim: { claimName: ${name} } }, { name: e, emptyDir: {} }]
---
`;
    await berth.apply(claim('first', '64Mi') + pod('first'));
    await berth.kubectl('wait', '--for=condition=Ready', 'pod/first', '--timeout=240s');
    disk.fill();
    // What `fsync` says is on the disk must be: the volume's bytes were set aside when it was made.
    const written = readFileSync('/proc/self/mountinfo', 'utf8').match(new RegExp(`${berth.directory}/kubelet/pods/\\S+/mount`));
    assert.ok(written !== null);
    await until(
      async () => existsSync(join(written[0], 'sum')),
      (there) => there,
      'the volume takes its bytes',
    );
    disk.free();
    await berth.apply(claim('huge', '100Gi'));
    await until(
      () => berth.kubectl('describe', 'pvc', 'huge'),
      (text) => /ProvisioningFailed.*(space|pool)/.test(text),
      'an event says why',
    );
    await berth.kill();
    await berth.up();
    await berth.kubectl('delete', 'pod', 'first');
    await berth.apply(pod('first'));
    await berth.kubectl('wait', '--for=condition=Ready', 'pod/first', '--timeout=240s');
    assert.match(await berth.exec('first', 'sh', '-c', 'md5sum -c /data/sum'), /OK/);
    await berth.kubectl('delete', 'pod,pvc', '--all');
  });

  it("containerd's own disk is full: what runs goes on, a new pod waits and says why, and starts by itself when there is room", async () => {
    using disk = new SmallDisk(160 * 2 ** 20);
    await using berth = await Berth.start([], { image: false });
    await berth.interrupt();
    const own = join(berth.directory, 'containerd');
    const command = (name: string, ...args: string[]): void => void execFileSync(name, args);
    assert.equal((await berth.cli(['down', '--data-dir', berth.directory])).code, 0);
    rmSync(own, { recursive: true });
    mkdirSync(own);
    command('mount', '--bind', disk.directory, own);
    try {
      await berth.up();
      await berth.loadBusybox();
      const pod = (name: string): string => `
apiVersion: v1
kind: Pod
metadata: { name: ${name} }
spec:
  terminationGracePeriodSeconds: 1
  containers: [{ name: c, image: "busybox:1.36", command: ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 1 & wait $!; done"] }]
`;
      await berth.apply(pod('before'));
      await berth.kubectl('wait', '--for=condition=Ready', 'pod/before', '--timeout=240s');
      const id = await berth.get('pod before', '.status.containerStatuses[0].containerID');
      disk.fill();
      await berth.apply(pod('during'));
      await until(
        () => berth.kubectl('describe', 'pod', 'during'),
        (text) => /FailedCreatePodSandBox.*no space left on device/.test(text),
        'an event says why',
      );
      const why = await berth.cli(['why', 'pod/during', '--data-dir', berth.directory]);
      assert.match(why.stdout, /no space left on device\n +fix: make room on the disk/);
      await until(
        () => berth.tryKubectl(['exec', 'before', '--', 'true']),
        ({ stderr }) => /no space left on device/.test(stderr),
        'a command finds no room',
      );
      assert.equal(await berth.get('pod before', '.status.containerStatuses[0].containerID'), id);
      disk.free();
      await berth.kubectl('wait', '--for=condition=Ready', 'pod/during', '--timeout=240s');
      assert.equal(await berth.exec('before', 'echo', 'on'), 'on\n');
      await berth.kubectl('delete', 'pod', '--all', '--timeout=240s');
      await berth.interrupt();
      assert.equal((await berth.cli(['down', '--data-dir', berth.directory])).code, 0);
    } finally {
      command('umount', '--lazy', own);
    }
  });
});
