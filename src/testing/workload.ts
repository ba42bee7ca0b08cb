import type { Random } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import { StatusError, type StatusReason } from '../machinery/status-error.ts';
import { type Action, ACTIONS, Chance, type Hands, uncordonNodes } from './actions.ts';
import { CONTROL_COMPONENTS, type SimulatedCluster } from './simulated-cluster.ts';

/** What users meet in a cluster where others work too. Any other refusal is a bug. */
const REFUSALS: ReadonlySet<StatusReason | ''> = new Set<StatusReason | ''>(['NotFound', 'Conflict', 'AlreadyExists', 'Forbidden', 'TooManyRequests']);

const SECOND_MS = 1_000;

/** A node that is down, and when it comes back. */
interface Down {
  readonly name: string;
  readonly untilMs: number;
}

/** What users do to a cluster, and what happens to its parts, in random order from the seed. */
export class Workload {
  readonly #cluster: SimulatedCluster;
  readonly #hands: Hands;
  readonly #chance: Chance;
  readonly #breaks: boolean;
  #down: readonly Down[] = [];
  #names = 0;

  /** `breaks`: components are restarted and killed, and machines lose power. */
  constructor({
    cluster,
    client,
    random,
    breaks,
  }: { readonly cluster: SimulatedCluster; readonly client: Client; readonly random: Random; readonly breaks: boolean }) {
    this.#cluster = cluster;
    this.#chance = new Chance(random);
    this.#breaks = breaks;
    this.#hands = { client, chance: this.#chance, name: (prefix) => `${prefix}-${this.#names++}` };
  }

  async run(forMs: number): Promise<void> {
    const { clock } = this.#cluster;
    const endMs = clock.monotonic() + forMs;
    while (clock.monotonic() < endMs) {
      await this.#bringBack(clock.monotonic());
      if (this.#breaks && this.#chance.isTrue(0.12)) await this.#break();
      else await this.#act(this.#draw());
      await this.#cluster.advance(this.#pauseMs());
    }
  }

  /** Everything that is down or cordoned comes back. */
  async repair(): Promise<void> {
    await this.#bringBack(Number.POSITIVE_INFINITY);
    await uncordonNodes(this.#hands);
  }

  /** Often in quick succession, so that things overlap; now and then long enough for time-outs to pass. */
  #pauseMs(): number {
    const kind = this.#chance.number(10);
    if (kind < 4) return this.#chance.number(500);
    return kind < 9 ? this.#chance.number(20) * SECOND_MS : this.#chance.number(240) * SECOND_MS;
  }

  #draw(): Action {
    let left = this.#chance.number(ACTIONS.reduce((sum, { weight }) => sum + weight, 0));
    for (const action of ACTIONS) {
      left -= action.weight;
      if (left < 0) return action;
    }
    throw new Error('no action was drawn');
  }

  async #act({ act }: Action): Promise<void> {
    const { record } = this.#cluster;
    try {
      const done = await this.#cluster.perform(act(this.#hands));
      if (done !== undefined) record.note(done);
    } catch (thrown) {
      if (!(thrown instanceof StatusError) || !REFUSALS.has(thrown.reason)) throw thrown;
      record.note(`refused: ${thrown.message}`);
    }
  }

  async #break(): Promise<void> {
    const nodes = this.#cluster.nodeNames.filter((name) => this.#cluster.isRunning(name));
    if (this.#chance.isTrue(0.15)) return this.#cluster.restartServer();
    const name = this.#chance.one([...CONTROL_COMPONENTS, ...nodes]) ?? 'controllers';
    const how = this.#chance.number(3);
    if (nodes.includes(name) && how === 0) {
      await this.#cluster.crashNode(name);
      const forMs = this.#chance.isTrue(0.3) ? this.#chance.number(15 * 60) * SECOND_MS : this.#chance.number(60) * SECOND_MS;
      this.#down = [...this.#down, { name, untilMs: this.#cluster.clock.monotonic() + forMs }];
    } else await this.#cluster.restart(name, { kill: how !== 1 });
  }

  async #bringBack(nowMs: number): Promise<void> {
    const due = this.#down.filter(({ untilMs }) => untilMs <= nowMs);
    this.#down = this.#down.filter(({ untilMs }) => untilMs > nowMs);
    for (const { name } of due) await this.#cluster.startComponent(name);
  }
}
