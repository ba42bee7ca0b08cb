// Installs what is missing, once: run before every script by its `pre` form. CommonJS, for any Node from 18 on.
// usage: node scripts/setup.cjs start|test|develop
'use strict';
const { createHash } = require('node:crypto');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { findNode, nodeFault } = require('./node.cjs');

const ROOT = path.dirname(__dirname);
const PURPOSE = process.argv[2] ?? 'start';

/** A mirror that does not answer is asked again, another installation is waited for. */
const PATIENT = ['-o', 'Acquire::Retries=5', '-o', 'DPkg::Lock::Timeout=300'];

/** Distribution packages by the program that proves they are there, and why they are wanted. */
const DISTRIBUTION = [
  { program: 'containerd', package: 'containerd', why: 'runs containers', for: ['start', 'test'] },
  { program: 'runc', package: 'runc', why: 'starts processes in containers', for: ['start', 'test'] },
  { program: '/usr/lib/cni/bridge', package: 'containernetworking-plugins', why: 'gives pods an address', for: ['start', 'test'] },
  { program: 'catatonit', package: 'catatonit', why: 'holds a pod together (the sandbox image)', for: ['start', 'test'] },
  { program: 'nft', package: 'nftables', why: 'routes Services', for: ['start', 'test'] },
  { program: 'iptables', package: 'iptables', why: 'lets pods reach the outside (CNI plugins use it)', for: ['start', 'test'] },
  { program: 'ip', package: 'iproute2', why: 'looks at the network', for: ['start', 'test'] },
  { program: 'mkfs.btrfs', package: 'btrfs-progs', why: 'makes the pool of volumes', for: ['start', 'test'] },
  { program: 'mkfs.ext4', package: 'e2fsprogs', why: 'makes file systems of volumes', for: ['start', 'test'] },
  { program: 'mkfs.xfs', package: 'xfsprogs', why: 'makes volumes that grow while mounted', for: ['start', 'test'] },
  { program: 'losetup', package: 'mount', why: 'attaches volumes', for: ['start', 'test'] },
  { program: 'mount', package: 'mount', why: 'mounts volumes', for: ['start', 'test'] },
  { program: 'busybox', package: 'busybox-static', why: 'is the image of the tests', for: ['test'] },
  {
    program: '/usr/lib/python3/dist-packages/kubernetes/__init__.py',
    package: 'python3-kubernetes',
    why: 'is a client that tests speak to the server with',
    for: ['test'],
  },
];

function main() {
  installPackages();
  if (PURPOSE === 'develop' || PURPOSE === 'test') installTools();
  installDistribution();
  if (PURPOSE === 'test') fetchKubectl();
  makeDescriptions();
  if (PURPOSE === 'start') bundle();
}

/** What `kubectl explain` says, from the packages that carry it; without it the server explains fields by their types. */
function makeDescriptions() {
  const node = findNode();
  const wanted = stamp('descriptions', [
    'package-lock.json',
    'scripts/descriptions.ts',
    'scripts/api-descriptions/declarations.ts',
    'src/api/gen/facts-data.ts',
  ]);
  if (node === undefined || (fresh(wanted) && fs.existsSync(path.join(ROOT, 'dist', 'descriptions')))) return;
  const run = spawnSync(node, [path.join(__dirname, 'descriptions.ts')], { cwd: ROOT, stdio: ['ignore', 'inherit', 'pipe'], encoding: 'utf8' });
  const words = (run.stderr || '').trim();
  if (run.status !== 0) return say(`no descriptions, kubectl explain knows types only: ${words.split('\n').pop()}`);
  fs.writeFileSync(wanted.file, wanted.value);
  say(words.replace(/^berth: /, ''));
}

/** Starts in half the time; without it the source runs as it stands. */
function bundle() {
  const node = findNode();
  if (node === undefined) return;
  const run = spawnSync(node, [path.join(__dirname, 'build.ts')], { cwd: ROOT, stdio: ['ignore', 'inherit', 'pipe'], encoding: 'utf8' });
  const words = run.stderr.trim();
  if (run.status !== 0) say(`no bundle, the source runs as it stands: ${words.split('\n').pop()}`);
  else if (words !== '') say(words.replace(/^berth: /, ''));
}

function stamp(name, files) {
  const hash = createHash('sha256');
  hash.update(`${process.platform}-${process.arch}`);
  for (const file of files) hash.update(fs.readFileSync(path.join(ROOT, file)));
  return { file: path.join(ROOT, 'node_modules', `.berth-${name}`), value: hash.digest('hex') };
}

function fresh({ file, value }) {
  try {
    return fs.readFileSync(file, 'utf8') === value;
  } catch {
    return false;
  }
}

function npm(args, cwd) {
  const cli = process.env.npm_execpath;
  const [command, before] = cli === undefined ? ['npm', []] : [process.execPath, [cli]];
  const run = spawnSync(command, [...before, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
  if (run.status === 0) return undefined;
  return (run.stderr || run.stdout || String(run.error)).trim().split('\n').slice(-5).join('\n');
}

function installPackages() {
  const wanted = stamp('packages', ['package.json', 'package-lock.json']);
  if (fresh(wanted)) return;
  say('installing npm packages (Node 26 among them, 45 MB) ...');
  const fault = npm(['ci', '--ignore-scripts', '--no-audit', '--no-fund'], ROOT);
  // A mirror that lacks packages of other platforms makes `npm ci` refuse; `install` takes what is there.
  const second = fault === undefined ? undefined : npm(['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'], ROOT);
  if (second !== undefined) fail(`npm packages could not be installed: ${second}`);
  fs.writeFileSync(wanted.file, wanted.value);
}

function installTools() {
  const wanted = stamp('tools', ['tools/package.json', 'tools/package-lock.json']);
  if (fresh(wanted)) return;
  say('installing formatter and linter ...');
  const fault = npm(['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'], path.join(ROOT, 'tools'));
  if (fault === undefined) fs.writeFileSync(wanted.file, wanted.value);
  else say(`they could not be installed, checks that need them will say so: ${fault}`);
}

function found(program) {
  if (program.startsWith('/')) return fs.existsSync(program);
  const places = `${process.env.PATH ?? ''}:/usr/sbin:/sbin:/usr/local/sbin`.split(':');
  return places.some((place) => place !== '' && fs.existsSync(path.join(place, program)));
}

function installDistribution() {
  if (process.platform !== 'linux') return;
  const missing = DISTRIBUTION.filter((item) => item.for.includes(PURPOSE) && !found(item.program));
  // A minimal system lacks a library that Node's own build is linked with; nothing runs without it.
  if (/libatomic/.test(nodeFault() ?? '')) missing.push({ package: 'libatomic1', why: 'Node 26 is linked with it' });
  if (missing.length === 0) return;
  const list = missing.map((item) => `${item.package} (${item.why})`).join(', ');
  if (process.getuid() !== 0) return say(`not installed, since you are not root: ${list}`);
  if (!found('apt-get')) return say(`please install with your distribution's tool: ${list}`);
  say(`installing from the distribution: ${list} ...`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const names = [...new Set(missing.map((item) => item.package))];
  const apt = (args) => spawnSync('apt-get', [...PATIENT, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
  apt(['update', '-qq']);
  // policy-rc.d keeps the distribution from starting a containerd of its own: Berth runs one of its own.
  const policy = '/usr/sbin/policy-rc.d';
  const mine = !fs.existsSync(policy);
  if (mine) fs.writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    const run = apt(['install', '-y', '-qq', '--no-install-recommends', ...names]);
    if (run.status !== 0) say(`the distribution refused: ${run.stderr.trim().split('\n').pop()}`);
  } finally {
    if (mine) fs.rmSync(policy, { force: true });
  }
}

/**
 * The distribution's own kubectl, beside whatever is on PATH: tests speak to the server with both. It is unpacked, not
 * installed, since it may clash with another package's.
 */
function fetchKubectl() {
  const home = path.join(ROOT, '.cache', 'kubectl');
  const binary = path.join(home, 'usr', 'bin', 'kubectl');
  if (fs.existsSync(binary) || process.platform !== 'linux' || !found('apt-get') || !found('dpkg')) return;
  say("fetching the distribution's kubectl for the tests ...");
  fs.mkdirSync(home, { recursive: true });
  // apt downloads as a user of its own, who must be able to write there.
  const into = fs.mkdtempSync('/tmp/berth-kubectl-');
  try {
    fs.chmodSync(into, 0o777);
    let run = spawnSync('apt-get', [...PATIENT, 'download', '-qq', 'kubernetes-client'], { cwd: into, encoding: 'utf8' });
    if (run.status !== 0) {
      spawnSync('apt-get', [...PATIENT, 'update', '-qq'], { encoding: 'utf8' });
      run = spawnSync('apt-get', [...PATIENT, 'download', '-qq', 'kubernetes-client'], { cwd: into, encoding: 'utf8' });
    }
    const file = fs.readdirSync(into).find((name) => name.endsWith('.deb'));
    if (file === undefined) return say(`it is not to be had: ${(run.stderr || '').trim().split('\n').pop()}`);
    spawnSync('dpkg', ['-x', path.join(into, file), home]);
  } finally {
    fs.rmSync(into, { recursive: true, force: true });
  }
}

function say(text) {
  process.stderr.write(`berth set-up: ${text}\n`);
}

function fail(text) {
  say(text);
  process.exit(1);
}

main();
