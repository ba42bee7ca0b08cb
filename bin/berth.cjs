#!/usr/bin/env node
// The launcher: finds the right Node, sets what must be set before it starts, and becomes the command line.
'use strict';
const os = require('node:os');
const path = require('node:path');
const { freshBundle } = require('../scripts/bundle.cjs');
const { findNode, nodeFault, become, ROOT } = require('../scripts/node.cjs');

const node = findNode();
if (node === undefined) {
  const fault = nodeFault();
  if (fault !== undefined) process.stderr.write(`berth: the Node that set-up installed does not run here: ${fault}\n`);
  process.stderr.write('berth: Node 24 or newer is needed; run `npm start` once in the clone, which installs it, or install it yourself\n');
  process.exit(1);
}
// Tests say BERTH_FROM=source: they run what they stand beside.
const bundle = process.env.BERTH_FROM === 'source' ? undefined : freshBundle();
const entry = bundle ?? path.join(ROOT, 'src', 'cli', 'main.ts');
const env = { ...process.env };
// A bundle's cache goes when the bundle goes.
const cache = path.join(process.getuid?.() === 0 ? '/var/cache/berth' : path.join(os.homedir(), '.cache', 'berth'), 'compile');
env.NODE_COMPILE_CACHE ??= bundle === undefined ? cache : path.join(path.dirname(bundle), 'compile');
env.UV_THREADPOOL_SIZE ??= '8';
// glibc keeps an arena for each of a dozen threads: two are 10 MB less with 1,000 pods, and no slower.
env.MALLOC_ARENA_MAX ??= '2';
// Room for new objects under load: what waits for the disk is not copied again and again. It is given back at rest (heap-rest.ts).
// Threads that collect beside the work leave it a core: with four of them on two cores the slowest requests wait half as long again.
const cores = os.availableParallelism?.() ?? os.cpus().length;
const collectors = Math.max(1, Math.min(4, cores - 1));
const flags = [
  '--max-semi-space-size=16',
  `--v8-pool-size=${collectors}`,
  '--enable-experimental-regexp-engine-on-excessive-backtracks',
  '--disable-warning=ExperimentalWarning',
];
become(node, [...flags, entry, ...process.argv.slice(2)], env);
