/**
 * Simulated clusters, each from one seed, on virtual time, with users at work and everything going wrong.
 *
 *     npm run sim -- [--seed N] [--runs N] [--minutes M] [--nodes N] [--twice] [--log]
 *
 * One line a run. Exit code 1 when a checker found something; the command that replays it is printed. `--minutes`: of virtual time,
 * with work and faults (default 10). `--twice`: each seed a second time, with the same digest. `--log`: every line of what happened.
 * A run that has no end after `--patience` real seconds (default 300) is reported with what it was doing, and ends the process.
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { type Outcome, simulate, type SimulatedCluster } from '../src/testing/index.ts';
import type { Watched } from './sim-watchdog.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    runs: { type: 'string', default: '10' },
    minutes: { type: 'string', default: '10' },
    nodes: { type: 'string', default: '3' },
    twice: { type: 'boolean', default: false },
    log: { type: 'boolean', default: false },
    patience: { type: 'string', default: '300' },
  },
});

function whole(name: 'seed' | 'runs' | 'minutes' | 'nodes' | 'patience', text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`--${name} ${text}: a whole number is wanted`);
  return value;
}

const first = values.seed === undefined ? randomInt(2 ** 31) : whole('seed', values.seed);
const runs = values.seed === undefined || process.argv.includes('--runs') ? whole('runs', values.runs) : 1;
const options = { minutes: whole('minutes', values.minutes), nodes: whole('nodes', values.nodes) };

let running: { readonly seed: number; readonly cluster: SimulatedCluster } | undefined;
const beat = new SharedArrayBuffer(4);
const watched: Watched = { beat, limitMs: whole('patience', values.patience) * 1000, state: 'simulationState()' };
new Worker(new URL('./sim-watchdog.ts', import.meta.url), { workerData: watched }).unref();
Object.assign(globalThis, {
  simulationState: (): string => {
    if (running === undefined) return 'no run has begun';
    const { seed, cluster } = running;
    const last = cluster.record.lines.slice(-15).join('\n  ');
    return `seed ${seed}, ${cluster.clock.monotonic()} virtual ms, next timer in ${cluster.clock.nextInMs() ?? 'no'} ms; last of ${cluster.record.lines.length} changes:\n  ${last}`;
  },
});
process.on('exit', (code) => {
  if (code === 13) console.log(`seed ${running?.seed}  FAILED: it waits for what never comes`);
});

async function simulated(seed: number): Promise<Outcome> {
  Atomics.add(new Int32Array(beat), 0, 1);
  return simulate({ seed, ...options, begun: (cluster) => (running = { seed, cluster }) });
}

async function run(seed: number): Promise<Outcome> {
  const outcome = await simulated(seed);
  if (!values.twice) return outcome;
  const again = await simulated(seed);
  const at = outcome.lines.findIndex((line, i) => line !== again.lines[i]);
  return outcome.digest === again.digest
    ? outcome
    : {
        ...outcome,
        failures: [
          ...outcome.failures,
          `the same seed gives the same digest: at line ${at}\n  ${outcome.lines[at] ?? '(end)'}\n  ${again.lines[at] ?? '(end)'}`,
        ],
      };
}

let failed = 0;
for (let seed = first; seed < first + runs; seed++) {
  const startedMs = performance.now();
  const outcome = await run(seed);
  const { digest, lines, failures, virtualMs } = outcome;
  console.log(
    `seed ${seed}  ${failures.length === 0 ? 'ok    ' : 'FAILED'}  ${digest.slice(0, 16)}  ${lines.length} changes in ${(virtualMs / 60_000).toFixed(0)} virtual minutes, ${((performance.now() - startedMs) / 1000).toFixed(1)} s`,
  );
  if (values.log) for (const line of lines) console.log(`  ${line}`);
  for (const failure of failures) console.log(`  ${failure}`);
  if (failures.length > 0) {
    failed++;
    console.log(`  replay: npm run sim -- --seed ${seed} --minutes ${options.minutes} --nodes ${options.nodes} --log`);
  }
}
if (runs > 1) console.log(`${runs - failed} of ${runs} runs ok`);
if (failed > 0) process.exitCode = 1;
