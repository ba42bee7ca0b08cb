import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  type Container,
  type ContainerSpec,
  CriError,
  type CriErrorCode,
  type Runtime,
  type RuntimeEvent,
  type SandboxSpec,
} from '../../src/node/runtime/runtime.ts';

export interface RuntimeUnderTest extends AsyncDisposable {
  readonly runtime: Runtime;
  readonly logDirectory: string;
  /** On the node, as a pod names it. */
  readonly image: string;
}

export interface RuntimeBackend {
  readonly name: string;
  /** Why it cannot run here. */
  readonly skip?: string | undefined;
  open(): Promise<RuntimeUnderTest>;
  /** A program that runs until it is told to end, and then exits with 0. */
  readonly waits: readonly string[];
  /** One that ignores being told. */
  readonly ignores: readonly string[];
  exits(code: number): readonly string[];
  /** Whether programs really run: then exec and logs are looked at too. */
  readonly real: boolean;
}

export function sandboxSpec(name: string, logDirectory: string, more: Partial<SandboxSpec> = {}): SandboxSpec {
  return {
    podUid: `uid-of-${name}`,
    podName: name,
    podNamespace: 'default',
    attempt: 0,
    hostname: name,
    logDirectory,
    dns: { servers: [], searches: [], options: [] },
    hostNetwork: false,
    hostPid: false,
    hostIpc: false,
    shareProcessNamespace: false,
    cgroupParent: '',
    sysctls: {},
    portMappings: [],
    labels: { app: name },
    annotations: { note: 'kept' },
    runtimeHandler: '',
    supplementalGroups: [],
    privileged: false,
    readOnlyRootFilesystem: false,
    ...more,
  };
}

export function containerSpec(pod: SandboxSpec, imageRef: string, command: readonly string[], more: Partial<ContainerSpec> = {}): ContainerSpec {
  return {
    podUid: pod.podUid,
    podName: pod.podName,
    podNamespace: pod.podNamespace,
    name: 'main',
    attempt: 0,
    imageRef,
    imageName: 'busybox:1.36',
    command,
    args: [],
    workingDir: '',
    env: [],
    mounts: [],
    devices: [],
    resources: {},
    security: {
      privileged: false,
      supplementalGroups: [],
      readOnlyRootFilesystem: false,
      allowPrivilegeEscalation: true,
      addCapabilities: [],
      dropCapabilities: [],
      maskedPaths: [],
      readonlyPaths: [],
      seccomp: { type: 'RuntimeDefault' },
      hostPid: false,
      hostIpc: false,
      hostNetwork: false,
      shareProcessNamespace: false,
    },
    logPath: 'main-0.log',
    stdin: false,
    stdinOnce: false,
    tty: false,
    labels: {},
    annotations: {},
    ...more,
  };
}

export const failsWith = (code: CriErrorCode) => (thrown: unknown) => thrown instanceof CriError && thrown.code === code;

/** What a runtime told, and what a look at the container showed at that moment. */
export class Events implements Disposable {
  readonly all: { readonly event: RuntimeEvent; readonly state: Container['state'] | undefined }[] = [];
  readonly #wakes: (() => void)[] = [];
  readonly #following: Disposable;

  constructor(runtime: Runtime) {
    this.#following = runtime.events((event) => void this.#take(runtime, event));
  }

  async until(wanted: RuntimeEvent): Promise<Container['state'] | undefined> {
    const same = (event: RuntimeEvent): boolean =>
      event.type === wanted.type && (event.type === 'lost' || wanted.type === 'lost' || event.containerId === wanted.containerId);
    for (;;) {
      const found = this.all.find(({ event }) => same(event));
      if (found !== undefined) return found.state;
      await new Promise<void>((resolve) => this.#wakes.push(resolve));
    }
  }

  async #take(runtime: Runtime, event: RuntimeEvent): Promise<void> {
    // A runtime that has gone since cannot be asked.
    const looked = event.type === 'lost' ? undefined : await runtime.container(event.containerId).catch(() => undefined);
    const state = looked?.state;
    this.all.push({ event, state });
    for (const wake of this.#wakes.splice(0)) wake();
  }

  [Symbol.dispose](): void {
    this.#following[Symbol.dispose]();
  }
}

/** What every runtime promises (`src/node/runtime/runtime.ts`). */
export function runtimeContract(backend: RuntimeBackend): void {
  describe(`runtime ${backend.name}`, { skip: backend.skip ?? false }, () => {
    let under: RuntimeUnderTest;
    let pods = 0;
    before(async () => {
      under = await backend.open();
    });
    after(() => under[Symbol.asyncDispose]());

    /** A pod of its own with its sandbox, gone after the test. */
    const inPod = (
      sentence: string,
      body: (pod: { spec: SandboxSpec; sandboxId: string; imageRef: string; ips: readonly string[] }, runtime: Runtime) => Promise<void>,
    ): void => {
      it(sentence, async () => {
        const { runtime, logDirectory, image } = under;
        const found = await runtime.images.find(image);
        assert.ok(found, `${image} is not there`);
        const name = `pod-${++pods}`;
        const spec = sandboxSpec(name, `${logDirectory}/${name}`);
        const { id, ips } = await runtime.runSandbox(spec);
        try {
          await body({ spec, sandboxId: id, imageRef: found.id, ips }, runtime);
        } finally {
          await runtime.stopSandbox(id);
          await runtime.removeSandbox(id);
        }
      });
    };

    inPod('a sandbox has an address and tells what it was made with', async ({ spec, sandboxId, ips }, runtime) => {
      const sandbox = await runtime.sandbox(sandboxId);
      assert.equal(ips.length > 0, true);
      assert.deepEqual(
        { ...sandbox, createdAtMs: 0, labels: sandbox?.labels['app'], annotations: sandbox?.annotations['note'] },
        {
          id: sandboxId,
          podUid: spec.podUid,
          podName: spec.podName,
          podNamespace: 'default',
          attempt: 0,
          ready: true,
          createdAtMs: 0,
          ips,
          labels: spec.podName,
          annotations: 'kept',
        },
      );
      assert.ok((await runtime.list()).sandboxes.some(({ id, ips: listed }) => id === sandboxId && listed[0] === ips[0]));
    });

    inPod('a stopped sandbox is not ready, stopping and removing may be repeated', async ({ sandboxId }, runtime) => {
      await runtime.stopSandbox(sandboxId);
      await runtime.stopSandbox(sandboxId);
      assert.deepEqual([(await runtime.sandbox(sandboxId))?.ready, (await runtime.sandbox(sandboxId))?.ips], [false, []]);
      await runtime.removeSandbox(sandboxId);
      await runtime.removeSandbox(sandboxId);
      assert.equal(await runtime.sandbox(sandboxId), undefined);
      await runtime.stopSandbox(sandboxId);
    });

    inPod(
      'a container goes from created over running to exited, and every step is told when it can be seen',
      async ({ spec, sandboxId, imageRef }, runtime) => {
        using events = new Events(runtime);
        await events.until({ type: 'lost' });
        const id = await runtime.createContainer(sandboxId, containerSpec(spec, imageRef, backend.waits, { annotations: { hash: 'v1' } }));
        assert.equal((await runtime.container(id))?.state, 'created');
        await runtime.startContainer(id);
        const running = await runtime.container(id);
        assert.deepEqual(
          [running?.state, running?.sandboxId, running?.name, running?.annotations['hash'], running?.imageName, running?.logPath],
          ['running', sandboxId, 'main', 'v1', 'busybox:1.36', `${spec.logDirectory}/main-0.log`],
        );
        assert.ok((running?.startedAtMs ?? 0) > 0);
        assert.notEqual(await events.until({ type: 'started', containerId: id }), 'created');
        await runtime.stopContainer(id, 5);
        const exited = await runtime.container(id);
        assert.deepEqual([exited?.state, exited?.exitCode, exited?.reason], ['exited', 0, 'Completed']);
        assert.ok((exited?.finishedAtMs ?? 0) >= (exited?.startedAtMs ?? 0));
        assert.equal(await events.until({ type: 'exited', containerId: id }), 'exited');
        await runtime.stopContainer(id, 5);
        await runtime.removeContainer(id);
        await events.until({ type: 'deleted', containerId: id });
        assert.equal(await runtime.container(id), undefined);
        await runtime.removeContainer(id);
        await runtime.stopContainer(id, 0);
      },
    );

    inPod('an exit code is kept', async ({ spec, sandboxId, imageRef }, runtime) => {
      using events = new Events(runtime);
      await events.until({ type: 'lost' });
      const id = await runtime.createContainer(sandboxId, containerSpec(spec, imageRef, backend.exits(3)));
      await runtime.startContainer(id);
      assert.equal(await events.until({ type: 'exited', containerId: id }), 'exited');
      const { exitCode, reason } = (await runtime.container(id)) ?? {};
      assert.deepEqual([exitCode, reason], [3, 'Error']);
    });

    inPod('what ignores its end is killed after the grace', async ({ spec, sandboxId, imageRef }, runtime) => {
      const id = await runtime.createContainer(sandboxId, containerSpec(spec, imageRef, backend.ignores));
      await runtime.startContainer(id);
      await runtime.stopContainer(id, 1);
      assert.deepEqual([(await runtime.container(id))?.state, (await runtime.container(id))?.exitCode], ['exited', 137]);
    });

    inPod('a name and attempt are taken once, the next attempt is another container', async ({ spec, sandboxId, imageRef }, runtime) => {
      const first = await runtime.createContainer(sandboxId, containerSpec(spec, imageRef, backend.waits));
      await assert.rejects(runtime.createContainer(sandboxId, containerSpec(spec, imageRef, backend.waits)), failsWith('name-reserved'));
      const second = await runtime.createContainer(sandboxId, containerSpec(spec, imageRef, backend.waits, { attempt: 1, logPath: 'main-1.log' }));
      const listed = (await runtime.list()).containers.filter((container) => container.sandboxId === sandboxId);
      assert.deepEqual(
        new Map(listed.map(({ id, attempt }) => [id, attempt])),
        new Map([
          [first, 0],
          [second, 1],
        ]),
      );
    });

    inPod('stopping the sandbox ends its containers', async ({ spec, sandboxId, imageRef }, runtime) => {
      const id = await runtime.createContainer(sandboxId, containerSpec(spec, imageRef, backend.waits));
      await runtime.startContainer(id);
      await runtime.stopSandbox(sandboxId);
      assert.equal((await runtime.container(id))?.state, 'exited');
    });

    it('what is not there is not found', async () => {
      const { runtime } = under;
      assert.equal(await runtime.container('nope'), undefined);
      assert.equal(await runtime.sandbox('nope'), undefined);
      assert.equal(await runtime.images.find('nowhere/nothing:1'), undefined);
      await assert.rejects(runtime.startContainer('nope'), failsWith('not-found'));
    });

    inPod('a container of a missing image is refused by that name', async ({ spec, sandboxId }, runtime) => {
      const ref = `sha256:${'0'.repeat(64)}`;
      await assert.rejects(runtime.createContainer(sandboxId, containerSpec(spec, ref, backend.waits)), failsWith('image-missing'));
    });

    it('images are found under every form of their name, and the sandbox image is not listed', async () => {
      const { runtime, image } = under;
      const found = await runtime.images.find(image);
      assert.deepEqual((await runtime.images.find(found?.names[0] ?? ''))?.id, found?.id);
      assert.deepEqual((await runtime.images.find(found?.id ?? ''))?.id, found?.id);
      assert.ok((await runtime.images.list()).every(({ names }) => !names.some((name) => name.includes('pause'))));
    });

    if (backend.real) realPrograms(inPod, backend);
  });
}

type InPod = (
  sentence: string,
  body: (pod: { spec: SandboxSpec; sandboxId: string; imageRef: string; ips: readonly string[] }, runtime: Runtime) => Promise<void>,
) => void;

async function text(bytes: AsyncIterable<Uint8Array> | undefined): Promise<string> {
  const parts: Uint8Array[] = [];
  if (bytes !== undefined) for await (const part of bytes) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}

/** What only a runtime that runs programs can show. */
function realPrograms(inPod: InPod, backend: RuntimeBackend): void {
  const running = (sentence: string, body: (id: string, runtime: Runtime, sandboxId: string) => Promise<void>): void =>
    inPod(sentence, async ({ spec, sandboxId, imageRef }, runtime) => {
      const id = await runtime.createContainer(sandboxId, containerSpec(spec, imageRef, backend.waits, { env: [{ name: 'GREETING', value: 'grüß dich' }] }));
      await runtime.startContainer(id);
      await body(id, runtime, sandboxId);
    });

  running('a command is run to its end, with its output and exit code', async (id, runtime) => {
    assert.deepEqual(await runtime.execSync(id, ['sh', '-c', 'echo "$GREETING"; echo no >&2; exit 4'], 5000), {
      exitCode: 4,
      stdout: 'grüß dich\n',
      stderr: 'no\n',
    });
    for (const timeoutMs of [100, 1000]) {
      await assert.rejects(runtime.execSync(id, ['sleep', '60'], timeoutMs), {
        code: 'deadline',
        message: `command "sleep 60" timed out after ${timeoutMs / 1000}s`,
      });
    }
  });

  running('an input that ends lets the command end', async (id, runtime) => {
    using session = await runtime.streams.exec({ containerId: id, command: ['cat'], stdin: true, stdout: true, stderr: true, tty: false });
    await session.stdin?.write(Buffer.from('x\n'));
    session.stdin?.end();
    assert.deepEqual(await Promise.all([text(session.stdout), text(session.stderr), session.done]), ['x\n', '', 0]);
  });

  running('a command that cannot start says why', async (id, runtime) => {
    using session = await runtime.streams.exec({ containerId: id, command: ['no-such-program'], stdin: false, stdout: true, stderr: true, tty: false });
    await assert.rejects(session.done, /no-such-program.*not found/);
  });

  running('a terminal has a size', async (id, runtime) => {
    using session = await runtime.streams.exec({
      containerId: id,
      command: ['sh', '-c', 'until stty size 2>/dev/null | grep -qx "45 123"; do sleep 0.05; done; echo seen'],
      stdin: true,
      stdout: true,
      stderr: false,
      tty: true,
    });
    session.resize(123, 45);
    assert.deepEqual(await Promise.all([text(session.stdout), session.done]), ['seen\r\n', 0]);
  });

  running('a port is reached, a closed one says so', async (id, runtime, sandboxId) => {
    await runtime.execSync(id, ['sh', '-c', 'mkdir /www && echo hello > /www/index.html && httpd -p 8080 -h /www'], 5000);
    using open = await runtime.streams.portForward(sandboxId, 8080);
    await open.write(Buffer.from('GET / HTTP/1.0\r\n\r\n'));
    assert.match(await text(open.readable), /^HTTP\/1\.[01] 200[\s\S]*hello\n$/);
    using closed = await runtime.streams.portForward(sandboxId, 8081);
    await assert.rejects(text(closed.readable), /connection refused/);
  });

  running('new limits reach a living container', async (id, runtime) => {
    await runtime.updateResources(id, { memoryLimitBytes: 48 << 20, cpuShares: 512, cpuQuotaUs: 50_000, cpuPeriodUs: 100_000 });
    const { stdout } = await runtime.execSync(id, ['sh', '-c', 'cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null'], 5000);
    assert.equal(stdout.trim(), String(48 << 20));
    assert.ok(((await runtime.stats(id))?.memoryWorkingSetBytes ?? 0) > 0);
  });
}
