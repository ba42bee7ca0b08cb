/**
 * Bundles what users run: `dist/HASH/berth.js` and, beside it, the files of workers and helper processes, which are found by
 * `import.meta.url`. The bundle is a faster form of the same source, never another program: HASH says which source it was made from,
 * and the launcher takes it only for that. Does nothing when the bundle is there.
 */
import { build, type Plugin } from 'esbuild';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';

const { bundleDirectory, freshBundle, DIST } = createRequire(import.meta.url)('./bundle.cjs') as {
  readonly DIST: string;
  bundleDirectory(): string;
  freshBundle(): string | undefined;
};

/** Names in the bundle and the source of each: what a running Berth starts as a file of its own. */
const ENTRIES = {
  berth: 'src/cli/main.ts',
  'sqlite-worker': 'src/store/sqlite-worker.ts',
  'sqlite-checkpoint': 'src/store/sqlite-checkpoint.ts',
  'yaml-worker': 'src/apiserver/codec/yaml-worker.ts',
  'host-process': 'src/host/host-process.ts',
};
/** CommonJS packages inside a module ask for `require`. */
const REQUIRE = "import { createRequire as berthRequire } from 'node:module'; const require = berthRequire(import.meta.url);";
const KEPT = 3;

/**
 * `await import()` of a CommonJS package has named exports in Node, but only a default one in a chunk of esbuild's. A module between
 * them has what Node says that the package has.
 */
const namedExports: Plugin = {
  name: 'named-exports',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^[^./]/ }, async ({ kind, path, resolveDir }) => {
      if (kind !== 'dynamic-import' || path.startsWith('node:')) return undefined;
      const exported = Object.keys((await import(path)) as object);
      return exported.includes('module.exports') ? { path, namespace: 'named-exports', pluginData: { exported, resolveDir } } : undefined;
    });
    onLoad({ filter: /./, namespace: 'named-exports' }, ({ path, pluginData }) => {
      const { exported, resolveDir } = pluginData as { readonly exported: readonly string[]; readonly resolveDir: string };
      const names = exported.filter((name) => !['default', 'module.exports', '__esModule'].includes(name));
      return {
        contents: `const all = require(${JSON.stringify(path)});\nexport default all;\nexport const { ${names.join(', ')} } = all;`,
        loader: 'js',
        resolveDir,
      };
    });
  },
};

/**
 * Importing node:http asks for each of its exports, and one of them loads undici: 10 MB and 20 ms for nothing (Node 26). What
 * `getBuiltinModule` gives is asked for nothing.
 */
const httpAlone: Plugin = {
  name: 'http-alone',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^(node:)?http$/ }, () => ({ path: 'node:http', namespace: 'http-alone' }));
    onLoad({ filter: /./, namespace: 'http-alone' }, () => ({ contents: "module.exports = process.getBuiltinModule('node:http');", loader: 'js' }));
  },
};

if (freshBundle() === undefined) {
  const started = performance.now();
  const directory = bundleDirectory();
  const beside = `${directory}.${process.pid}`;
  await bundle(beside);
  // Whoever was faster has made the same.
  if (existsSync(directory)) rmSync(beside, { recursive: true });
  else renameSync(beside, directory);
  prune(basename(directory));
  process.stderr.write(`berth: bundled in ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
}

async function bundle(outdir: string): Promise<void> {
  mkdirSync(outdir, { recursive: true });
  await build({
    absWorkingDir: join(import.meta.dirname, '..'),
    entryPoints: ENTRIES,
    outdir,
    bundle: true,
    // Chunks stay beside the entries, so that a worker's file is beside whoever asks for it.
    splitting: true,
    chunkNames: 'chunk-[hash]',
    format: 'esm',
    platform: 'node',
    target: 'node24',
    banner: { js: REQUIRE },
    legalComments: 'none',
    // Names are kept: stack traces are read by people.
    minifyWhitespace: true,
    minifySyntax: true,
    plugins: [namedExports, httpAlone],
    logLevel: 'warning',
  });
}

/** Leaves the newest bundles and those that a process runs: it loads parts of its bundle later. */
function prune(current: string): void {
  const running = existsSync('/proc/self/cmdline')
    ? readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .map(commandLine)
        .join('\n')
    : '';
  const others = readdirSync(DIST)
    .filter((name) => /^[0-9a-f]{16}(?:\.\d+)?$/.test(name) && name !== current && !running.includes(`/${name}/`))
    .sort((a, b) => statSync(join(DIST, b)).mtimeMs - statSync(join(DIST, a)).mtimeMs);
  for (const name of others.slice(KEPT - 1)) rmSync(join(DIST, name), { recursive: true, force: true });
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    // It has ended meanwhile.
    return '';
  }
}
