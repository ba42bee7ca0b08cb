import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { runCommand } from '../node/containerd/commands.ts';
import { type RunningContainerd, startContainerd } from '../node/containerd/start.ts';
import { probeRuntime, type RuntimeProbe } from '../node/runtime/probe.ts';
import type { ClusterIdentity, Layout } from './data-directory.ts';

const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The name of the cluster's bridge: at most 15 bytes. */
export function bridgeOf(identity: ClusterIdentity): string {
  return `berth-${identity.id}`;
}

/** What this machine has for running containers. */
export function probeMachine(identity: ClusterIdentity): Promise<RuntimeProbe> {
  const path = (process.env.PATH ?? '').split(':').concat(SYSTEM_PATH.split(':'));
  return probeRuntime({ run: runCommand, uid: process.getuid?.() ?? 1, path: [...new Set(path)], trialPrefix: `bt${identity.id.slice(0, 6)}` });
}

export interface OpenContainerd {
  readonly layout: Layout;
  readonly identity: ClusterIdentity;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Takes over the cluster's containerd, or starts it. Throws ContainerdError in one line that says what is missing. */
export async function openContainerd(options: OpenContainerd, probe?: RuntimeProbe): Promise<RunningContainerd> {
  const { layout, identity, clock, random, log } = options;
  const proxies = Object.entries(process.env).filter(([name]) => /^(https?|no)_proxy$/i.test(name));
  return startContainerd({
    dataDirectory: layout.directory,
    clusterId: identity.id,
    probe: probe ?? (await probeMachine(identity)),
    bridge: bridgeOf(identity),
    podCidrs: [identity.podCidr],
    handlers: {},
    env: { PATH: SYSTEM_PATH, ...Object.fromEntries(proxies.map(([name, value]) => [name, value ?? ''])) },
    run: runCommand,
    clock,
    random,
    log,
  });
}
