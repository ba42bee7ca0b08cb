import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, sleep } from '../../base/clock.ts';
import { type Log, failure } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import { ContainerdRuntime } from '../runtime/containerd.ts';
import { CriError } from '../runtime/runtime.ts';
import { ociArchitecture } from '../runtime/oci.ts';
import type { RuntimeProbe } from '../runtime/probe.ts';
import { removeCgroups } from './cgroup.ts';
import type { RunCommand } from './commands.ts';
import { formatCniConfig, formatContainerdConfig } from './config.ts';
import { containerdLayout, type ContainerdLayout } from './layout.ts';
import { buildSandboxImage, SANDBOX_IMAGE } from './sandbox-image.ts';
import { ContainerdError, Supervisor } from './supervisor.ts';

export interface StartContainerdOptions {
  /** Absolute. */
  readonly dataDirectory: string;
  readonly clusterId: string;
  readonly probe: RuntimeProbe;
  /** At most 15 bytes, unique on the machine. */
  readonly bridge: string;
  /** Of this node's pods. */
  readonly podCidrs: readonly string[];
  /** RuntimeClass handler to binary, beside runc. */
  readonly handlers: Readonly<Record<string, string>>;
  /** Of the daemon: PATH and proxies. */
  readonly env: Readonly<Record<string, string>>;
  readonly run: RunCommand;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** A containerd of our own, ready to run pods. */
export interface RunningContainerd extends AsyncDisposable {
  readonly runtime: ContainerdRuntime;
  readonly layout: ContainerdLayout;
  readonly adopted: boolean;
  readonly pid: number;
  /** With `pods`: ends every pod of the cluster and the daemon, and removes what it made on the machine but images. Without: leaves all running. */
  stop(options: { readonly pods: boolean }): Promise<void>;
}

const READY_TIMEOUT_MS = 120_000;
const READY_RETRY_MS = 10;

/** Takes over or starts the cluster's containerd. Throws ContainerdError when it cannot be. Disposing leaves everything running. */
export async function startContainerd(options: StartContainerdOptions): Promise<RunningContainerd> {
  const { probe, clock, log, dataDirectory, clusterId, bridge, podCidrs } = options;
  const fatal = probe.findings.filter((finding) => finding.fatal);
  if (fatal.length > 0 || probe.containerd === undefined || probe.cniBinDirectory === undefined) {
    throw new ContainerdError(fatal.map(({ missing, consequence }) => `${missing} is missing: ${consequence}`).join('; '));
  }
  if (Buffer.byteLength(bridge) > 15) throw new ContainerdError(`the name of the bridge is longer than 15 bytes: ${bridge}`);
  const layout = containerdLayout(dataDirectory, clusterId);
  const supervisor = await Supervisor.start({
    layout,
    binary: probe.containerd,
    config: formatContainerdConfig({
      layout,
      snapshotter: snapshotterOf(probe),
      restrictOomScoreAdj: !probe.capSysResource,
      cniBinDirectory: probe.cniBinDirectory,
      sandboxImage: SANDBOX_IMAGE,
      handlers: options.handlers,
    }),
    cniConfig: formatCniConfig({ bridge, podCidrs, ipamDirectory: layout.ipamDirectory, portmap: probe.portmap, mtu: 0 }),
    env: options.env,
    clock,
    log,
  });
  const architecture = ociArchitecture(process.arch);
  const runtime = await connectContainerd(options);
  const dispose = async (): Promise<void> => {
    await runtime[Symbol.asyncDispose]();
    await supervisor[Symbol.asyncDispose]();
  };
  try {
    await untilReady(runtime, clock);
    await provideSandboxImage(runtime, layout, architecture);
  } catch (thrown) {
    await dispose();
    throw thrown;
  }
  return {
    runtime,
    layout,
    adopted: supervisor.adopted,
    get pid() {
      return supervisor.pid;
    },
    stop: async ({ pods }) => {
      if (!pods) return dispose();
      const ended = await endPods(runtime, log);
      await runtime[Symbol.asyncDispose]();
      await supervisor.end();
      // What still runs keeps its mounts and its network.
      if (!ended) throw new ContainerdError('not every pod could be ended; what is left of them is still there');
      await unmountBelow(layout.stateDirectory, options.run);
      await options.run('ip', ['link', 'delete', bridge]);
      await removeCgroups(layout.cgroup, clock);
    },
    [Symbol.asyncDispose]: dispose,
  };
}

export type ConnectContainerdOptions = Pick<StartContainerdOptions, 'dataDirectory' | 'clusterId' | 'clock' | 'random' | 'log'> & {
  readonly probe: Pick<RuntimeProbe, 'overlayfs'>;
};

/** Speaks to the cluster's containerd where it runs, without watching over it: for commands beside the server. */
export function connectContainerd({ dataDirectory, clusterId, probe, clock, random, log }: ConnectContainerdOptions): Promise<ContainerdRuntime> {
  const layout = containerdLayout(dataDirectory, clusterId);
  return ContainerdRuntime.open({
    socket: layout.socket,
    clusterId,
    clock,
    random,
    log,
    snapshotter: snapshotterOf(probe),
    architecture: ociArchitecture(process.arch),
    temporaryDirectory: layout.directory,
    sandboxImage: SANDBOX_IMAGE,
    cgroupParent: layout.podCgroup,
  });
}

function snapshotterOf({ overlayfs }: Pick<RuntimeProbe, 'overlayfs'>): 'overlayfs' | 'native' {
  return overlayfs ? 'overlayfs' : 'native';
}

/** The socket is there before the CRI plugin has looked through its containers. */
async function untilReady(runtime: ContainerdRuntime, clock: Clock): Promise<void> {
  for (const deadlineMs = clock.monotonic() + READY_TIMEOUT_MS; ; await sleep(clock, READY_RETRY_MS)) {
    try {
      await runtime.version();
      return;
    } catch (thrown) {
      const early = thrown instanceof CriError && thrown.code === 'unavailable';
      if (!early || clock.monotonic() > deadlineMs)
        throw new ContainerdError(`containerd runs, but its CRI plugin does not: ${(thrown as Error).message}`, { cause: thrown });
    }
  }
}

/** The image of sandboxes is built here, not pulled. */
async function provideSandboxImage(runtime: ContainerdRuntime, layout: ContainerdLayout, architecture: string): Promise<void> {
  if ((await runtime.images.find(SANDBOX_IMAGE)) !== undefined) return;
  const image = await buildSandboxImage(architecture);
  if (image === undefined) throw new ContainerdError('no static init was found for the sandbox image: install the package catatonit or busybox-static');
  const directory = await mkdtemp(join(layout.directory, 'sandbox-image-'));
  try {
    await writeFile(join(directory, 'image.tar'), image.archive);
    await runtime.images.load(join(directory, 'image.tar'));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Says whether all could be ended. */
async function endPods(runtime: ContainerdRuntime, log: Log): Promise<boolean> {
  const { sandboxes } = await runtime.list();
  const ended = await Promise.all(
    sandboxes.map(async ({ id, podNamespace, podName }) => {
      try {
        await runtime.stopSandbox(id);
        await runtime.removeSandbox(id);
        return true;
      } catch (thrown) {
        if (!(thrown instanceof CriError)) throw thrown;
        log.error('a pod could not be ended', { pod: `${podNamespace}/${podName}`, ...failure(thrown) });
        return false;
      }
    }),
  );
  return ended.every((each) => each);
}

/** What containerd leaves mounted in its own state directory, the deepest first. */
async function unmountBelow(directory: string, run: RunCommand): Promise<void> {
  const mountinfo = await readFile('/proc/self/mountinfo', 'utf8');
  // Field 5 is the mount point, spaces and the like as octal: proc(5).
  const points = mountinfo
    .split('\n')
    .map((line) => (line.split(' ')[4] ?? '').replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))));
  for (const point of points.filter((path) => path.startsWith(`${directory}/`)).reverse()) await run('umount', [point]);
}
