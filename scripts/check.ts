/** Everything that needs no cluster: format, types, lint, unused code, the tidy test, unit tests. `node scripts/check.ts [--fix]`. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const fix = process.argv.includes('--fix');
const tool = (name: string): string => (existsSync(`tools/node_modules/.bin/${name}`) ? `tools/node_modules/.bin/${name}` : `node_modules/.bin/${name}`);

const STEPS: readonly { readonly name: string; readonly command: string; readonly args: readonly string[] }[] = [
  { name: 'format', command: tool('biome'), args: ['format', ...(fix ? ['--write'] : []), '--max-diagnostics=20', '.'] },
  { name: 'types', command: tool('tsc'), args: ['-p', '.'] },
  { name: 'lint', command: tool('oxlint'), args: ['--type-aware', ...(fix ? ['--fix'] : []), 'src', 'test', 'bench', 'scripts'] },
  { name: 'unused', command: tool('knip'), args: ['--no-progress'] },
  { name: 'unit tests', command: process.execPath, args: ['scripts/test.ts', 'unit'] },
];

let failed = false;
for (const { name, command, args } of STEPS) {
  if (!existsSync(command)) {
    console.log(`# ${name}: not checked, ${command} could not be installed here`);
    continue;
  }
  const started = performance.now();
  // The tools are scripts: run them by this Node, whatever PATH says.
  const { status } = spawnSync(command === process.execPath ? command : process.execPath, command === process.execPath ? args : [command, ...args], {
    stdio: 'inherit',
    // oxlint looks for its type-aware half on PATH.
    env: { ...process.env, PATH: `${process.cwd()}/tools/node_modules/.bin:${process.env.PATH ?? ''}` },
  });
  console.log(`# ${name}: ${status === 0 ? 'ok' : 'failed'} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  if (status !== 0) failed = true;
}
process.exitCode = failed ? 1 : 0;
