/** The repository tests itself: layers, banned calls, names. Each gate says how much it looked at. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { globSync } from 'node:fs';
import { dirname, normalize } from 'node:path';
import { test } from 'node:test';

const sources = globSync('src/**/*.ts').map((path) => ({ path, text: readFileSync(path, 'utf8') }));
const own = sources.filter(({ path }) => !path.endsWith('.test.ts') && !path.includes('/gen/') && !path.includes('/testdata/'));

const ALL = ['base', 'host', 'machinery', 'schema', 'api', 'store', 'client', 'csi', 'apiserver', 'controllers', 'scheduler', 'storage', 'node', 'network'];

/** DESIGN's table: what a folder may import besides itself. The longest matching prefix counts. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  host: ['base'],
  machinery: ['base'],
  schema: ['base', 'machinery'],
  api: ['base', 'machinery', 'schema'],
  store: ['base'],
  client: ['base', 'machinery', 'api'],
  csi: ['base'],
  apiserver: ['base', 'machinery', 'schema', 'api', 'store'],
  controllers: ['base', 'machinery', 'api', 'client'],
  scheduler: ['base', 'machinery', 'api', 'client'],
  storage: ['base', 'machinery', 'api', 'client', 'csi', 'host'],
  'storage/driver': ['base', 'csi', 'host', 'storage/pool'],
  'storage/pool': ['base', 'csi', 'host'],
  node: ['base', 'machinery', 'api', 'client', 'csi', 'host'],
  network: ['base', 'machinery', 'api', 'client', 'host'],
  cluster: ALL,
  testing: [...ALL, 'cluster'],
  cli: [...ALL, 'cluster'],
};

function layerOf(path: string): string {
  const inside = path.replace(/^src\//, '');
  const known = Object.keys(LAYERS).filter((layer) => inside.startsWith(`${layer}/`));
  return known.toSorted((a, b) => b.length - a.length)[0] ?? '';
}

function importsOf(text: string): readonly string[] {
  return [
    ...text.matchAll(
      /(?:^|\n)\s*(?:import|export)[^'"\n]*(?:\n[^'"]*?)?from\s+['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]|(?:^|\n)import\s+['"]([^'"]+)['"]/g,
    ),
  ].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

test('a folder imports only what its row names', (t) => {
  const faults: string[] = [];
  let looked = 0;
  for (const { path, text } of own) {
    const layer = layerOf(path);
    assert.notEqual(layer, '', `${path} is in no folder of the design`);
    for (const target of importsOf(text).filter((name) => name.startsWith('.'))) {
      looked++;
      const to = layerOf(normalize(`${dirname(path)}/${target}`));
      const allowed = LAYERS[layer] ?? [];
      const inside = to === layer || to.startsWith(`${layer}/`);
      // A folder within a row of its own may be used by the folder around it.
      if (!inside && !allowed.includes(to) && !allowed.some((each) => to.startsWith(`${each}/`)))
        faults.push(`${path} imports ${target}: ${layer} may import ${allowed.join(', ') || 'nothing'}`);
    }
  }
  t.diagnostic(`${looked} imports of ${own.length} files`);
  assert.deepEqual(faults, []);
  assert.ok(looked > 500);
});

/** What is pure so that tests need no stubs and the console can use the same source. */
const WITHOUT_NODE = ['base', 'machinery', 'schema', 'api', 'client', 'controllers', 'scheduler'];
const NODE_TRANSPORTS: ReadonlySet<string> = new Set(['src/client/https-transport.ts']);

test('what only decides imports no node: module', (t) => {
  const files = own.filter(({ path }) => WITHOUT_NODE.includes(layerOf(path)) && !NODE_TRANSPORTS.has(path));
  const faults = files.flatMap(({ path, text }) =>
    importsOf(text)
      .filter((name) => name.startsWith('node:'))
      .map((name) => `${path} imports ${name}`),
  );
  t.diagnostic(`${files.length} files`);
  assert.deepEqual(faults, []);
  assert.ok(files.length > 100);
});

/** Time, chance and keys are given by argument (law 2): what is banned, and what to use. */
const BANNED: readonly { readonly call: RegExp; readonly instead: string; readonly except?: RegExp }[] = [
  { call: /\bDate\.now\(/, instead: 'clock.now()' },
  { call: /\bnew Date\(\)/, instead: 'new Date(clock.now())' },
  { call: /(?<![.\w])set(?:Timeout|Interval|Immediate)\(/, instead: 'clock.setTimer()' },
  { call: /\bperformance\.now\(/, instead: 'clock.monotonic()' },
  { call: /\bprocess\.hrtime/, instead: 'clock.monotonic()' },
  { call: /\bMath\.random\(/, instead: 'random.float()' },
  { call: /\bcrypto\.(?:randomUUID|getRandomValues|subtle)\b/, instead: 'Random or Keys' },
  { call: /\bAbortSignal\.timeout\(/, instead: 'deadline() of base/clock.ts' },
  // Objects are found again for as long as anybody keeps them: what is found equals what would be parsed, to the letter.
  { call: /\bnew (?:WeakRef|FinalizationRegistry)\(/, instead: 'a bounded cache', except: /^src\/apiserver\/codec\/objects\.ts$/ },
  { call: /\blocaleCompare\(/, instead: '< and >' },
];
const GIVERS = /^src\/(?:(?:base|cluster|cli)\/|testing\/drain\.ts$)/;

test('time, chance and keys come by argument', (t) => {
  const files = own.filter(({ path }) => !GIVERS.test(path));
  const faults = files.flatMap(({ path, text }) => {
    const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(?<!:)\/\/.*$/gm, '');
    return BANNED.filter(({ call, except }) => except?.test(path) !== true && call.test(code)).map(
      ({ call, instead }) => `${path}: ${call.source} is banned, use ${instead}`,
    );
  });
  t.diagnostic(`${files.length} files, ${BANNED.length} rules`);
  assert.deepEqual(faults, []);
});

test('what type stripping would refuse at run time is not written', (t) => {
  const faults = own.flatMap(({ path, text }) => {
    const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/`(?:\\.|[^`\\])*`|'(?:\\.|[^'\\\n])*'/g, "''");
    const found: string[] = [];
    if (/^\s*@\w+(?:\(|\s*$)/m.test(code)) found.push(`${path}: a decorator`);
    if (/^\s*(?:static )?accessor \w/m.test(code)) found.push(`${path}: an accessor field`);
    return found;
  });
  t.diagnostic(`${own.length} files`);
  assert.deepEqual(faults, []);
});

test('files are about one thing and say which', (t) => {
  const faults: string[] = [];
  for (const { path, text } of own) {
    const name = path.split('/').at(-1) ?? '';
    if (!/^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z]+){0,2}\.ts$/.test(name)) faults.push(`${path}: kebab-case is wanted`);
    if (/(?:^|\/)(?:utils?|helpers?|common|manager|misc)(?:\/|\.ts$)/.test(path)) faults.push(`${path}: a name that says nothing`);
    const lines = text.split('\n').length;
    if (lines > 450) faults.push(`${path}: ${lines} lines, 450 is the most`);
  }
  t.diagnostic(`${own.length} files`);
  assert.deepEqual(faults, []);
});

test('nothing is given up: no any, no ignored checks, no marks of unfinished work', (t) => {
  const marks = (text: string, path: string): readonly string[] =>
    [/\b(?:TODO|FIXME|XXX|HACK)\b/, /@ts-(?:ignore|nocheck|expect-error)/].filter((mark) => mark.test(text)).map((mark) => `${path}: ${mark.source}`);
  const faults = own.flatMap(({ path, text }) => [
    ...marks(text, path),
    ...[/: any\b(?!\()/, /\bas any\b/, /<any>/]
      .filter((mark) => mark.test(text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(?<!:)\/\/.*$/gm, '')))
      .map((mark) => `${path}: ${mark.source}`),
  ]);
  t.diagnostic(`${own.length} files`);
  assert.deepEqual(faults, []);
});

test('decisions are numbered once, and each folder says what it is', (t) => {
  const decisions = globSync('docs/decisions/0*.md').map((path) => /\/(\d{4})-/.exec(path)?.[1] ?? path);
  assert.equal(new Set(decisions).size, decisions.length, 'two decisions carry one number');
  const index = readFileSync('docs/decisions/README.md', 'utf8');
  assert.deepEqual(
    globSync('docs/decisions/0*.md').filter((path) => !index.includes(`](${path.split('/').at(-1)})`)),
    [],
    'not in the index',
  );
  const folders = new Set(own.map(({ path }) => path.split('/')[1] ?? ''));
  const without = [...folders].filter((folder) => globSync(`src/${folder}/README.md`).length === 0);
  t.diagnostic(`${decisions.length} decisions, ${folders.size} folders`);
  assert.deepEqual(without, []);
});
