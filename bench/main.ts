/**
 * `npm run bench [-- NAME...]`: every figure that the README claims, one JSON line each, beside its floor in the same run. Each part
 * is a process of its own; one that fails or takes too long is said so and does not stop the others.
 */
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';

interface Part {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly seconds: number;
  readonly what: string;
}

const PARTS: readonly Part[] = [
  { name: 'start', file: 'start.ts', args: ['bundle'], seconds: 70, what: 'from `berth up` to API, node and first pod; memory when idle' },
  { name: 'start-source', file: 'start.ts', args: ['source'], seconds: 70, what: 'the same from source' },
  { name: 'api', file: 'api.ts', args: [], seconds: 240, what: 'create, get, update, patch, apply, list and watch on a running cluster' },
  { name: 'pods', file: 'pods.ts', args: [], seconds: 90, what: "pod start beside containerd's own time" },
  { name: 'storage', file: 'storage.ts', args: [], seconds: 120, what: 'volumes of each pool, claim to Bound' },
  { name: 'memory', file: 'memory.ts', args: [], seconds: 150, what: '1,000 pods on simulated nodes' },
  { name: 'many-pods', file: 'many-pods.ts', args: [], seconds: 500, what: '10,000 pods stored and running, lists of all of them: memory' },
  { name: 'watches', file: 'watches.ts', args: [], seconds: 300, what: '1,000 watchers of one write; 10,000 idle ones; some that do not read' },
  { name: 'store', file: 'store.ts', args: [], seconds: 60, what: 'the store alone beside bare SQLite' },
  { name: 'schema', file: 'schema.ts', args: [], seconds: 60, what: 'CPU per object of decoding, defaults, managedFields' },
  { name: 'core', file: 'apiserver.ts', args: [], seconds: 90, what: 'the server without its stages, 10,000 pods' },
  { name: 'turns', file: 'turns.ts', args: [], seconds: 600, what: 'the longest turn of the event loop for everything hostile; garbage collection' },
];
/** What a run without names leaves out: details of single layers. */
const DETAILS = ['start-source', 'store', 'schema', 'core', 'turns'];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !PARTS.some((part) => part.name === name));
if (unknown.length > 0) {
  console.error(`no bench is called ${unknown.join(', ')}; there are:\n${PARTS.map(({ name, what }) => `  ${name.padEnd(14)}${what}`).join('\n')}`);
  process.exitCode = 2;
} else {
  // Starts are measured as users have them: from a bundle of what stands here.
  spawnSync(process.execPath, [join(import.meta.dirname, '..', 'scripts', 'build.ts')], { stdio: ['ignore', 'ignore', 'inherit'] });
  for (const part of PARTS) if (wanted.length === 0 ? !DETAILS.includes(part.name) : wanted.includes(part.name)) await run(part);
}

function run({ name, file, args, seconds }: Part): Promise<void> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, file), ...args], { stdio: 'inherit' });
    // Asked first: whatever has been started is to be ended.
    const late = setTimeout(() => child.kill('SIGTERM'), seconds * 1000);
    child.on('exit', (code, signal) => {
      clearTimeout(late);
      if (code !== 0) {
        console.log(JSON.stringify({ figure: `${name}: failed`, code, signal }));
        process.exitCode = 1;
      }
      resolve();
    });
  });
}
