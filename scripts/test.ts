/**
 * Runs the tests: `node scripts/test.ts [unit|e2e]`, both without an argument. Unit tests stand beside the sources and run
 * isolated, two files at a time; end-to-end tests use real kubectl and real containerd, one file after the other, since each
 * starts clusters of its own. A leaked timer, process or mount fails its file: nothing is forced to exit.
 */
import { spawnSync } from 'node:child_process';
import { globSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

const which = process.argv[2] ?? 'all';
const only = process.argv[3];
const ci = process.env.CI === 'true';
/** A commit gets the same verdict twice; who works on it sees new cases each time. See `test/property-seed.ts`. */
const PROPERTY_SEED = '20260101';

interface Suite {
  readonly name: string;
  readonly patterns: readonly string[];
  readonly concurrency: number;
  /** For a file: ends what hangs, however busy the machine is. */
  readonly timeoutMs: number;
}

const SUITES: readonly Suite[] = [
  { name: 'unit', patterns: ['src/**/*.test.ts', 'test/*.test.ts', 'test/{behaviours,contract,node}/*.test.ts'], concurrency: 2, timeoutMs: 1_200_000 },
  { name: 'e2e', patterns: ['test/e2e/*.test.ts'], concurrency: 1, timeoutMs: 3_600_000 },
];

/** What a test may have left on the machine, each with what it is: mounts, loop devices, network namespaces, processes, files. */
function traces(): ReadonlySet<string> {
  const found = new Set<string>();
  const read = (path: string): string => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      // A process that has ended, or a file that this system has not.
      return '';
    }
  };
  const names = (path: string): readonly string[] => {
    try {
      return readdirSync(path);
    } catch {
      return [];
    }
  };
  for (const line of read('/proc/self/mountinfo').split('\n')) if (OURS.test(line)) found.add(`mount ${line.split(' ')[4] ?? ''}`);
  for (const device of names('/sys/block')) {
    const file = read(`/sys/block/${device}/loop/backing_file`).trim();
    if (OURS.test(file)) found.add(`loop device ${device} ${file}`);
  }
  for (const name of names('/run/netns')) if (name.startsWith('berth')) found.add(`network namespace ${name}`);
  for (const name of names('/sys/class/net')) if (name.startsWith('berth')) found.add(`network device ${name}`);
  for (const pid of names('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
    if (OURS.test(command)) found.add(`process ${pid} ${command.slice(0, 120)}`);
  }
  for (const place of ['/tmp', '/var/tmp']) for (const name of names(place)) if (name.startsWith('berth-')) found.add(`file ${place}/${name}`);
  return found;
}

/** Tests put everything below a directory of this form. */
const OURS = /\/(?:var\/)?tmp\/berth-/;
/** Loop devices and cgroups go a moment after their last user. */
const GRACE_MS = 60_000;

async function leaks(before: ReadonlySet<string>): Promise<readonly string[]> {
  const until = performance.now() + GRACE_MS;
  for (;;) {
    const left = [...traces()].filter((trace) => !before.has(trace));
    if (left.length === 0 || performance.now() > until) return left;
    await wait(200);
  }
}

let failed = false;
const before = traces();
for (const suite of SUITES) {
  if (which !== 'all' && which !== suite.name) continue;
  const files = suite.patterns.flatMap((pattern) => globSync(pattern)).filter((file) => only === undefined || file.includes(only));
  if (files.length === 0) continue;
  console.log(`# ${suite.name}: ${files.length} files`);
  const started = performance.now();
  const { status } = spawnSync(
    process.execPath,
    [
      '--test',
      `--test-concurrency=${suite.concurrency}`,
      `--test-timeout=${suite.timeoutMs}`,
      ...(ci ? ['--import=./test/property-seed.ts'] : []),
      `--test-reporter=${ci ? 'spec' : 'dot'}`,
      '--test-reporter-destination=stdout',
      '--disable-warning=ExperimentalWarning',
      ...files.toSorted(),
    ],
    { stdio: 'inherit', env: { BERTH_PROPERTY_SEED: PROPERTY_SEED, ...process.env } },
  );
  console.log(`# ${suite.name}: ${((performance.now() - started) / 1000).toFixed(0)} s`);
  if (status !== 0) failed = true;
}
const left = await leaks(before);
if (left.length > 0) {
  console.log(`# left behind by the tests:\n${left.map((trace) => `#   ${trace}`).join('\n')}`);
  failed = true;
}
process.exitCode = failed ? 1 : 0;
