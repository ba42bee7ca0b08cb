/** The bundle is the program: it runs, has every file that it starts, and is not taken for a source that has changed since. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, utimesSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';

const ROOT = join(import.meta.dirname, '..');
// A copy: whoever works in the tree at the same time has a bundle of his own.
const copy = mkdtempSync(join(tmpdir(), 'berth-bundle-'));
after(() => rmSync(copy, { recursive: true }));
for (const name of ['src', 'bin', 'scripts', 'package.json', 'package-lock.json'])
  cpSync(join(ROOT, name), join(copy, name), { recursive: true, preserveTimestamps: true });
symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));

const { freshBundle } = createRequire(import.meta.url)(join(copy, 'scripts', 'bundle.cjs')) as { freshBundle(): string | undefined };
const berth = (...args: string[]): string => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(copy, 'bin', 'berth.cjs'), ...args], {
    encoding: 'utf8',
    env: { ...process.env, BERTH_FROM: '' },
  });
  assert.equal(status, 0, stderr);
  return stdout;
};

test('it is made, runs, has the files that it starts beside it, and an edit makes it stale', () => {
  assert.equal(freshBundle(), undefined);
  const made = spawnSync(process.execPath, [join(copy, 'scripts', 'build.ts')], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
  const file = freshBundle() ?? '';
  assert.ok(existsSync(file), 'the launcher finds it');
  assert.match(berth('--version'), /^\d+\.\d+\.\d+\n$/);
  assert.match(berth('up', '--help'), /--data-dir/);

  // Whatever the source starts as a file of its own is an entry of the bundle.
  const sources = readdirSync(join(copy, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
  const started = sources.flatMap((name) =>
    [...readFileSync(join(copy, 'src', name), 'utf8').matchAll(/workerFile\('([\w-]+)'\)|new URL\(`\.\/([\w-]+)\.?\$\{/g)].map(
      (match) => match[1] ?? match[2] ?? '',
    ),
  );
  assert.ok(started.length >= 4, started.join(' '));
  for (const name of started) assert.ok(existsSync(join(dirname(file), `${name}.js`)), name);
  const texts = readdirSync(dirname(file))
    .filter((name) => name.endsWith('.js'))
    .map((name) => readFileSync(join(dirname(file), name), 'utf8'));
  assert.ok(!texts.some((text) => /(?:from|import\()\s*["'](?:node:)?http["']/.test(text)), 'node:http as it is imports undici');

  const source = join(copy, 'src', 'cli', 'main.ts');
  utimesSync(source, new Date(1e12), new Date(1e12));
  assert.equal(freshBundle(), undefined, 'the source is another');
  assert.match(berth('--version'), /^\d/, 'and runs as it stands');
});
