import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { RunningContainerd } from '../../src/node/containerd/start.ts';
import { type ContainerSecurity, type ContainerSpec, CriError, type SandboxSpec } from '../../src/node/runtime/runtime.ts';
import { collect } from '../../src/node/streams/byte-queue.ts';
import { containerSpec, sandboxSpec } from '../contract/runtime.ts';
import { writeBusyboxImage } from '../fixtures/busybox-image.ts';
import { type TestContainerd, testContainerd, whyNoContainers } from '../fixtures/containerd.ts';
import { startRegistry } from '../fixtures/registry.ts';

describe('what a pod asks for is what its containers get', { skip: whyNoContainers() ?? false }, () => {
  let at: TestContainerd;
  let running: RunningContainerd;
  let image: string;
  let pods = 0;
  before(async () => {
    at = await testContainerd();
    running = await at.start();
    await running.runtime.images.load(writeBusyboxImage(join(at.directory, 'busybox.tar')));
    image = (await running.runtime.images.find('busybox:1.36'))?.id ?? '';
  });
  after(() => at[Symbol.asyncDispose]());

  interface Asked {
    readonly sandbox?: Partial<SandboxSpec>;
    readonly container?: Partial<ContainerSpec>;
    readonly security?: Partial<ContainerSecurity>;
  }

  /** Runs a pod and gives what the script says in it. */
  async function inPod(asked: Asked, script: string, look?: (address: string) => Promise<void>): Promise<string> {
    const { runtime } = running;
    const name = `asked-${++pods}`;
    const pod = sandboxSpec(name, join(at.logDirectory, name), asked.sandbox);
    const { id: sandboxId, ips } = await runtime.runSandbox(pod);
    try {
      const base = containerSpec(pod, image, ['sleep', '600'], asked.container);
      const id = await runtime.createContainer(sandboxId, { ...base, security: { ...base.security, ...asked.security } });
      await runtime.startContainer(id);
      const { stdout, stderr } = await runtime.execSync(id, ['sh', '-c', script], 10_000);
      await look?.(ips[0] ?? '');
      return (stdout + stderr).trim();
    } finally {
      await runtime.stopSandbox(sandboxId);
      await runtime.removeSandbox(sandboxId);
    }
  }

  for (const { about, asked, script, says } of [
    {
      about: 'a user and groups',
      asked: { security: { runAsUser: 1000, runAsGroup: 2000, supplementalGroups: [3000] } },
      script: 'id',
      says: /^uid=1000 gid=2000 groups=2000,3000$/,
    },
    { about: 'a user by name', asked: { security: { runAsUserName: 'nobody' } }, script: 'id -u', says: /^65534$/ },
    {
      about: 'a root file system that cannot be written',
      asked: { security: { readOnlyRootFilesystem: true } },
      script: 'touch /x',
      says: /Read-only file system/,
    },
    { about: 'no new privileges', asked: { security: { allowPrivilegeEscalation: false } }, script: 'grep NoNewPrivs /proc/self/status', says: /1$/ },
    {
      about: 'capabilities added and dropped',
      asked: { security: { addCapabilities: ['NET_ADMIN'], dropCapabilities: ['ALL'] } },
      script: 'grep CapEff /proc/self/status',
      says: /0000000000001000$/,
    },
    {
      about: 'environment and working directory',
      asked: { container: { env: [{ name: 'A', value: 'b c' }], workingDir: '/tmp' } },
      script: 'echo $A; pwd',
      says: /^b c\n\/tmp$/,
    },
    {
      about: 'DNS',
      asked: { sandbox: { dns: { servers: ['10.96.0.10'], searches: ['default.svc.cluster.local'], options: ['ndots:5'] } } },
      script: 'cat /etc/resolv.conf',
      says: /^search default.svc.cluster.local\nnameserver 10.96.0.10\noptions ndots:5$/,
    },
    { about: 'a host name', asked: { sandbox: { hostname: 'web-0' } }, script: 'hostname; cat /etc/hostname', says: /^web-0\nweb-0$/ },
    {
      about: "the host's network",
      asked: { sandbox: { hostNetwork: true }, security: { hostNetwork: true } },
      script: 'hostname',
      says: new RegExp(`^${hostname()}$`),
    },
    {
      about: "the host's processes",
      asked: { sandbox: { hostPid: true }, security: { hostPid: true } },
      script: `ls -d /proc/${process.pid}`,
      says: new RegExp(`^/proc/${process.pid}$`),
    },
    {
      about: 'processes shared in the pod',
      asked: { sandbox: { shareProcessNamespace: true }, security: { shareProcessNamespace: true } },
      script: 'ps | grep -v grep | grep -c pause',
      says: /^1$/,
    },
    {
      about: 'kernel parameters',
      asked: { sandbox: { sysctls: { 'net.ipv4.ip_local_port_range': '20000 30000' } } },
      script: 'cat /proc/sys/net/ipv4/ip_local_port_range',
      says: /^20000\s+30000$/,
    },
    {
      about: 'privileges',
      asked: { sandbox: { privileged: true }, security: { privileged: true } },
      script: 'ls /dev | grep -c loop; mount -t tmpfs none /mnt 2>&1 || mkdir /m && mount -t tmpfs none /m && echo mounted',
      says: /mounted$/,
    },
    {
      about: 'shares of the processor',
      asked: { container: { resources: { cpuShares: 512, cpuQuotaUs: 20_000, cpuPeriodUs: 100_000 } } },
      script: 'cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null',
      says: /^20000/,
    },
  ] satisfies readonly { about: string; asked: Asked; script: string; says: RegExp }[]) {
    it(about, async () => assert.match(await inPod(asked, script), says));
  }

  it('mounts: read-only, writable, a single file', async () => {
    const volume = join(at.directory, 'volume');
    mkdirSync(volume);
    writeFileSync(join(volume, 'file'), 'from the host');
    const mount = (containerPath: string, readOnly: boolean, hostPath = volume) => ({ hostPath, containerPath, readOnly, propagation: 'private' as const });
    const mounts = [mount('/ro', true), mount('/rw', false), mount('/etc/motd', true, join(volume, 'file'))];
    const said = await inPod({ container: { mounts } }, 'touch /ro/x; echo new > /rw/new; cat /etc/motd');
    assert.match(said, /from the host[\s\S]*Read-only file system/);
    assert.equal(readFileSync(join(volume, 'new'), 'utf8'), 'new\n');
  });

  it('a port of the host leads to the pod', async () => {
    const hostPort = 20_000 + (process.pid % 10_000);
    const portMappings = [{ protocol: 'TCP' as const, containerPort: 8080, hostPort, hostIp: '' }];
    const script = 'mkdir /www; echo hello > /www/index.html; httpd -p 8080 -h /www';
    await inPod({ sandbox: { portMappings } }, script, async (address) => {
      for (const [host, port] of [
        [address, 8080],
        ['127.0.0.1', hostPort],
      ] as const) {
        const socket = connect(port, host);
        socket.write('GET / HTTP/1.0\r\n\r\n');
        assert.match((await collect(socket, 10_000))?.toString('utf8') ?? '', /hello\n$/);
      }
    });
  });

  it('images are pulled, with and without a login, and a refusal has the registry’s words', async () => {
    const { images } = running.runtime;
    const login = { username: 'jane', password: 'secret' };
    const files = [{ name: 'a', mode: 0o644, bytes: Buffer.from('a') }];
    await using open = await startRegistry('app', files);
    await using closed = await startRegistry('app', files, login);
    const id = await images.pull(`${open.host}/app:1`, undefined);
    assert.equal((await images.find(`${open.host}/app:1`))?.id, id);
    assert.equal(await images.pull(`${closed.host}/app:1`, login), id);
    const refused = (about: RegExp) => (thrown: unknown) => thrown instanceof CriError && thrown.code === 'image-pull' && about.test(thrown.message);
    await assert.rejects(images.pull(`${closed.host}/app:1`, undefined), refused(/401|authorization failed|no basic auth credentials/));
    await assert.rejects(images.pull(`${open.host}/other:1`, undefined), refused(/not found/));
    await assert.rejects(images.pull('Not A Name', undefined), {
      code: 'invalid',
      message: /couldn't parse image name "Not A Name": invalid reference format/,
    });
  });
});
