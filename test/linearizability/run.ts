/**
 * Concurrent clients over HTTPS, a server above SQLite that is killed and started again, and the question whether all they saw is
 * one order of single steps; and whether a watch that goes on in each life was told of all of it. `node test/linearizability/run.ts --kills 60 --clients 12 [--seed N]`.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SeededRandom } from '../../src/base/random.ts';
import { exchange } from '../apiserver-exchange.ts';
import { check } from './checker.ts';
import { Client, type Life, MAPS, type Recorded } from './client.ts';
import { Follower } from './follower.ts';

const SERVER = fileURLToPath(new URL('./server.ts', import.meta.url));

export interface RunOptions {
  readonly seed: number;
  readonly kills: number;
  /** More kills, if need be, until so much was done: how much there is in a life is up to the machine. */
  readonly least?: { readonly operations: number; readonly writes: number };
  readonly clients: number;
  readonly keys: number;
  /** Between the first operations of a life, or its start, and the kill, at most, ms. */
  readonly lifeMs: number;
}

export interface RunResult {
  readonly operations: number;
  readonly writes: number;
  readonly unanswered: number;
  readonly newest: number;
  /** Events that the watch was told. */
  readonly told: number;
  readonly faults: readonly string[];
}

export async function linearizability(options: RunOptions): Promise<RunResult> {
  const directory = mkdtempSync(join(tmpdir(), 'berth-linear-'));
  const random = new SeededRandom(options.seed);
  const recorded: Recorded[] = [];
  const follower = new Follower();
  try {
    const { operations = 0, writes = 0 } = options.least ?? {};
    for (let life = 0, last = false; !last; life++) {
      last = life >= options.kills && recorded.length > operations && recorded.flatMap(versionMade).length > writes;
      const lifeMs = last ? LAST_LIFE_MS : 50 + random.float() * options.lifeMs;
      // On a busy machine a life may be over before anybody has said a word: most of them begin to count when much has been said.
      const from = last || life % 3 === 2 ? 0 : recorded.length + 2 * options.clients;
      const forks = Array.from({ length: options.clients }, () => random.fork());
      await live(directory, life, follower, async (server) => {
        let doomed: NodeJS.Timeout | undefined;
        const killSoon = (): void => {
          if (recorded.length >= from) doomed ??= setTimeout(server.kill, lifeMs);
        };
        const record = (one: Recorded): void => {
          recorded.push(one);
          killSoon();
        };
        killSoon();
        const clients = forks.map((fork, i) => new Client({ life: server, random: fork, keys: options.keys, name: `${life}-${i}`, record }));
        await Promise.all(clients.map((client) => (last ? client.readAll() : client.run())));
        if (last) await Promise.race([server.dead, follower.heard(Math.max(0, ...answeredIn(recorded).map(({ version }) => version)))]);
        clearTimeout(doomed);
      });
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  const result = judge(recorded);
  return { ...result, told: follower.told.length, faults: [...result.faults, ...follower.judge(answeredIn(recorded))] };
}

/** Ends what hangs. */
const LAST_LIFE_MS = 600_000;

function answeredIn(recorded: readonly Recorded[]): readonly { readonly version: number; readonly key: string; readonly value: string }[] {
  return recorded.flatMap(({ key, operation }) =>
    'value' in operation && typeof operation.answer === 'number' ? [{ version: operation.answer, key, value: operation.value }] : [],
  );
}

/** One life of the server; `body` has it killed without warning. */
async function live(directory: string, life: number, follower: Follower, body: (life: Life & { readonly kill: () => void }) => Promise<void>): Promise<void> {
  const child = spawn(process.execPath, [SERVER, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  const dead = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  try {
    const { value: line } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
    if (line === undefined) throw new Error(`life ${life}: the server did not start`);
    const { port, ca } = JSON.parse(String(line)) as { readonly port: number; readonly ca: string };
    const agent = new Agent({ keepAlive: true });
    const ask: Life['ask'] = (method, path, sent, contentType) =>
      exchange(port, ca, agent, method, path, sent === undefined ? undefined : JSON.stringify(sent), { 'content-type': contentType ?? 'application/json' });
    let following: Promise<void> | undefined;
    try {
      if (life === 0) await ask('POST', MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'first' } });
      following = follower.follow(port, ca);
      await body({ dead, ask, kill: () => child.kill('SIGKILL') });
    } finally {
      agent.destroy();
      child.kill('SIGKILL');
      await following;
    }
  } finally {
    child.kill('SIGKILL');
    await dead;
  }
}

function judge(recorded: readonly Recorded[]): Omit<RunResult, 'told'> {
  const faults: string[] = [];
  for (const [key, history] of Map.groupBy(recorded, ({ key }) => key)) {
    const verdict = check(history);
    if (!verdict.linearizable) faults.push(`${key}: no order explains ${JSON.stringify(verdict.stuckAt.slice(0, 6))} after ${JSON.stringify(verdict.state)}`);
  }
  const writes = recorded.flatMap((one) => versionMade(one));
  faults.push(...faultsOfVersions(writes));
  const unanswered = recorded.filter(({ operation }) => 'answer' in operation && operation.answer === 'unanswered').length;
  return { operations: recorded.length, writes: writes.length, unanswered, newest: Math.max(0, ...writes.map(({ rv }) => rv)), faults };
}

interface Made {
  readonly rv: number;
  readonly key: string;
  readonly calledAt: number;
  readonly answeredAt: number;
}

function versionMade({ key, operation, calledAt, answeredAt }: Recorded): readonly Made[] {
  return 'answer' in operation && typeof operation.answer === 'number' ? [{ rv: operation.answer, key, calledAt, answeredAt }] : [];
}

/** Over all keys: no version twice, and none below one that was answered before its write was called. */
export function faultsOfVersions(writes: readonly Made[]): readonly string[] {
  const faults: string[] = [];
  const given = new Map<number, string>();
  for (const { rv, key } of writes) {
    if (given.has(rv)) faults.push(`version ${rv} was given to ${given.get(rv)} and to ${key}`);
    given.set(rv, key);
  }
  const byAnswer = writes.toSorted((a, b) => a.answeredAt - b.answeredAt);
  let at = 0;
  let newest = 0;
  for (const write of writes.toSorted((a, b) => a.calledAt - b.calledAt)) {
    for (; at < byAnswer.length && (byAnswer[at] as Made).answeredAt < write.calledAt; at++) newest = Math.max(newest, (byAnswer[at] as Made).rv);
    if (write.rv <= newest) faults.push(`version ${write.rv} of ${write.key} came after ${newest}`);
  }
  return faults;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
      kills: { type: 'string', default: '40' },
      clients: { type: 'string', default: '10' },
      keys: { type: 'string', default: '4' },
      life: { type: 'string', default: '1000' },
    },
  });
  console.log(`seed ${values.seed}`);
  const result = await linearizability({
    seed: Number(values.seed),
    kills: Number(values.kills),
    clients: Number(values.clients),
    keys: Number(values.keys),
    lifeMs: Number(values.life),
  });
  console.log(JSON.stringify(result, undefined, 2));
  process.exitCode = result.faults.length > 0 ? 1 : 0;
}
