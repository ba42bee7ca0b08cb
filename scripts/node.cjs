// Finds a Node that can run Berth: its own platform package by path, else the running one from 24 on.
'use strict';
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const ROOT = path.dirname(__dirname);
const PACKAGES = [`node-${process.platform}-${process.arch}`, `node-bin-${process.platform}-${process.arch}`];

/** The binary's path, or undefined. A platform package is probed: it is built for glibc only. */
function findNode() {
  const major = Number(process.versions.node.split('.')[0]);
  for (const name of PACKAGES) {
    const binary = path.join(ROOT, 'node_modules', name, 'bin', 'node');
    if (fs.existsSync(binary) && spawnSync(binary, ['-v']).status === 0) return binary;
  }
  return major >= 24 ? process.execPath : undefined;
}

/** Why the package's own binary does not run here, in the loader's words; undefined when it runs, or is not there. */
function nodeFault() {
  for (const name of PACKAGES) {
    const binary = path.join(ROOT, 'node_modules', name, 'bin', 'node');
    if (!fs.existsSync(binary)) continue;
    const run = spawnSync(binary, ['-v'], { encoding: 'utf8' });
    return run.status === 0 ? undefined : (run.stderr || String(run.error ?? '')).trim();
  }
  return undefined;
}

/** Replaces this process where the platform can; else stays in front of the child and passes signals on. */
function become(binary, args, env) {
  if (typeof process.execve === 'function' && process.platform !== 'win32') {
    process.execve(binary, [binary, ...args], env);
  }
  const { spawn } = require('node:child_process');
  const child = spawn(binary, args, { stdio: 'inherit', env });
  // The terminal sends SIGINT to the child too: forwarding it would make two.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`berth: ${binary} can't be started: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

module.exports = { findNode, nodeFault, become, ROOT };
