import type { PersistentVolumeClaim, Pod } from '../api/gen/types/core.v1.ts';
import { type Checker, allCheckers } from './checkers.ts';
import { type FaultRates, MANY_FAULTS, NO_FAULTS } from './faults.ts';
import type { Plant } from './plants.ts';
import type { Sighting } from './record.ts';
import { seeded } from './seed.ts';
import { NotQuietError, SimulatedCluster } from './simulated-cluster.ts';
import { FOLLOWED } from './told.ts';
import { Workload } from './workload.ts';

export interface SimulationOptions {
  readonly seed: number;
  /** How long users work and things go wrong, minutes of virtual time. Default 10. */
  readonly minutes?: number;
  /** Default 3. */
  readonly nodes?: number;
  /** Default MANY_FAULTS. */
  readonly faults?: FaultRates;
  /** Whether components are restarted and killed, and machines lose power. Default true. */
  readonly breaks?: boolean;
  readonly plant?: Plant | undefined;
  readonly checkers?: readonly Checker[];
  /** Gets the cluster once it runs: for whoever must say how far a run is that does not end. */
  readonly begun?: ((cluster: SimulatedCluster) => void) | undefined;
}

export interface Outcome {
  readonly seed: number;
  /** Of everything that happened: the same for the same seed and options. */
  readonly digest: string;
  readonly lines: readonly string[];
  /** What is wrong, as `checker: sentence`. Empty: all is well. */
  readonly failures: readonly string[];
  /** Virtual time from start to end. */
  readonly virtualMs: number;
  /** How many watches were compared with what happened. */
  readonly watches: number;
}

const MINUTE_MS = 60_000;
const REST_MS = 10 * MINUTE_MS;
const MOST_FAILURES = 20;
const REST = 'a quiet cluster comes to rest';
const TOLD = 'what a watch is told is the difference of two lists';

/** One run: users work while things go wrong, then everything is repaired, comes to rest, and is looked over. */
export async function simulate(options: SimulationOptions): Promise<Outcome> {
  const { seed, minutes = 10, nodes = 3, faults = MANY_FAULTS, breaks = true, plant, checkers = allCheckers, begun } = options;
  const failures = new Failures();
  const cluster = await SimulatedCluster.start({ seed, nodes, plant, latency: { sandboxMs: 200, startMs: 100, pullMs: 700 } });
  begun?.(cluster);
  const { record, clock } = cluster;
  record.onSighting((sighting) => {
    for (const { name, always } of checkers) for (const fault of always?.(sighting, record) ?? []) failures.add(name, fault);
  });
  try {
    const workload = new Workload({ cluster, client: cluster.client, random: seeded(seed, 'workload'), breaks });
    for (const selector of FOLLOWED) cluster.follow(selector);
    cluster.faults = faults;
    await workload.run(minutes * MINUTE_MS);
    cluster.faults = NO_FAULTS;
    await workload.repair();
    const cause = await settled(cluster);
    if (cause !== undefined) failures.add(REST, cause);
    // Those that paused for long have come back by then.
    if (cause === undefined) await cluster.advance(REST_MS);
    for (const fault of cluster.followerFaults()) failures.add(TOLD, fault);
    for (const { name, atRest } of checkers) for (const fault of atRest?.(record) ?? []) failures.add(name, fault);
    if (cause === undefined) for (const fault of await restless(cluster)) failures.add(REST, fault);
    for (const refusal of cluster.refusals) failures.add('no component lacks a right that it needs', refusal);
  } catch (thrown) {
    failures.add('the run goes on to its end', thrown instanceof Error ? `${thrown.message}\n${thrown.stack ?? ''}` : String(thrown));
  }
  await dispose(cluster, failures);
  return { seed, digest: record.digest, lines: record.lines, failures: failures.all, virtualMs: clock.monotonic(), watches: cluster.followerWatches };
}

/** Why it does not come to rest, if it does not. */
async function settled(cluster: SimulatedCluster): Promise<string | undefined> {
  try {
    await cluster.settle();
    return undefined;
  } catch (thrown) {
    if (thrown instanceof NotQuietError) return thrown.message;
    throw thrown;
  }
}

/** What a cluster without work writes. Pods that can't be placed are tried again, and events say so; a refusal that was lost is said once more. */
async function restless(cluster: SimulatedCluster): Promise<readonly string[]> {
  const { record } = cluster;
  const isPending = ({ status }: Pod | PersistentVolumeClaim): boolean => status?.phase === 'Pending';
  const waits = [...record.all<Pod>('pods'), ...record.all<PersistentVolumeClaim>('persistentvolumeclaims')].some(isPending);
  const saidAgain = new Set<string>();
  const isAllowed = ({ resource, object }: Sighting): boolean => {
    if (!waits || resource === 'events') return waits;
    if (resource !== 'pods' || !isPending(object) || saidAgain.has(object.metadata.uid)) return false;
    saidAgain.add(object.metadata.uid);
    return true;
  };
  const seen: string[] = [];
  let resting = true;
  record.onSighting((sighting) => {
    const { type, resource, object, isHeartbeat } = sighting;
    if (resting && !isHeartbeat && !isAllowed(sighting)) seen.push(`${type} ${resource} ${object.metadata.namespace ?? ''}/${object.metadata.name}`);
  });
  await cluster.advance(REST_MS);
  resting = false;
  return seen;
}

async function dispose(cluster: SimulatedCluster, failures: Failures): Promise<void> {
  try {
    await cluster[Symbol.asyncDispose]();
  } catch (thrown) {
    failures.add('what was started ends', thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown));
  }
}

/** In order of their first appearance, each once. */
class Failures {
  readonly #all = new Set<string>();

  get all(): readonly string[] {
    return [...this.#all];
  }
  add(checker: string, fault: string): void {
    if (this.#all.size < MOST_FAILURES) this.#all.add(`${checker}: ${fault}`);
  }
}
