// Runs one of the project's scripts with the project's Node, whatever Node started this.
// usage: node scripts/run.cjs FILE.ts [ARGS...]
'use strict';
const path = require('node:path');
const { findNode, nodeFault, become, ROOT } = require('./node.cjs');

const node = findNode();
if (node === undefined) {
  const fault = nodeFault();
  if (fault !== undefined) process.stderr.write(`berth: the Node that set-up installed does not run here: ${fault}\n`);
  process.stderr.write('berth: Node 24 or newer is needed, and its package could not be installed here (see README, "Set-up")\n');
  process.exit(1);
}
const env = { ...process.env, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? path.join(ROOT, '.cache', 'compile') };
// Tools and tests that say `node` mean this one.
env.PATH = `${path.dirname(node)}:${process.env.PATH ?? ''}:/usr/sbin:/sbin`;
become(node, process.argv.slice(2), env);
