/**
 * Runs the tests: `node scripts/test.ts [unit|e2e]`, both without an argument. Unit tests stand beside the sources and run
 * isolated, two files at a time; end-to-end tests use real kubectl and real containerd, one file after the other, since each
 * starts clusters of its own. A leaked timer, process or mount fails its file: nothing is forced to exit.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';

const which = process.argv[2] ?? 'all';
const only = process.argv[3];

interface Suite {
  readonly name: string;
  readonly patterns: readonly string[];
  readonly concurrency: number;
  readonly timeoutMs: number;
}

const SUITES: readonly Suite[] = [
  { name: 'unit', patterns: ['src/**/*.test.ts', 'test/*.test.ts', 'test/contract/*.test.ts'], concurrency: 2, timeoutMs: 120_000 },
  { name: 'e2e', patterns: ['test/e2e/*.test.ts'], concurrency: 1, timeoutMs: 600_000 },
];

let failed = false;
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
      `--test-reporter=${process.env.CI === 'true' ? 'spec' : 'dot'}`,
      '--test-reporter-destination=stdout',
      '--disable-warning=ExperimentalWarning',
      ...files.toSorted(),
    ],
    { stdio: 'inherit' },
  );
  console.log(`# ${suite.name}: ${((performance.now() - started) / 1000).toFixed(0)} s`);
  if (status !== 0) failed = true;
}
process.exitCode = failed ? 1 : 0;
