/** What README and guides tell people to type exists: commands, options, files, manifests, links. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { Command } from 'commander';
import { builtinKinds } from '../src/api/registry.ts';
import { addDown } from '../src/cli/down.ts';
import { addImage } from '../src/cli/image.ts';
import { addKubeconfig } from '../src/cli/kubeconfig.ts';
import { addStatus } from '../src/cli/status.ts';
import { addUp } from '../src/cli/up.ts';
import { addWhy } from '../src/cli/why.ts';

const ROOT = join(import.meta.dirname, '..');
const DOCUMENTS = ['README.md', 'CONTRIBUTING.md', ...globSync('docs/guide/*.md', { cwd: ROOT })].map((path) => ({
  path,
  text: readFileSync(join(ROOT, path), 'utf8'),
}));

/** What is typed: lines of `sh` blocks, and those of `console` blocks that follow the prompt. Comments are cut off. */
function typed(text: string): readonly string[] {
  return [...text.matchAll(/```(sh|console)\n([\s\S]*?)```/g)].flatMap(([, kind, block = '']) =>
    block
      .split('\n')
      .filter((line) => (kind === 'sh' ? line.trim() !== '' : line.startsWith('$ ')))
      .map((line) =>
        line
          .replace(/^\$ /, '')
          .replace(/\s+# .*$/, '')
          .trim(),
      ),
  );
}

function program(): Command {
  const made = new Command('berth').exitOverride();
  for (const add of [addUp, addDown, addStatus, addKubeconfig, addImage, addWhy]) add(made);
  return made;
}

/** The command that words lead to, and the words that no command took. */
function commandOf(words: readonly string[]): Command {
  let found = program();
  for (const word of words) {
    const next = found.commands.find((command) => command.name() === word);
    if (next === undefined) break;
    found = next;
  }
  return found;
}

test('commands that are shown exist, with their options', (t) => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { readonly scripts: Readonly<Record<string, string>> };
  const quoted = DOCUMENTS.flatMap(({ text }) => [...text.matchAll(/`((?:npx )?berth [a-z][^`]*|npm (?:run )?[a-z][^`]*)`/g)].map((match) => match[1] ?? ''));
  const lines = [...DOCUMENTS.flatMap(({ text }) => typed(text)), ...quoted];
  let looked = 0;
  for (const line of lines) {
    const words = line.replace(/^npx /, '').split(/\s+/);
    if (words[0] === 'npm') {
      const name = words[1] === 'run' ? (words[2] ?? '') : (words[1] ?? '');
      assert.ok(Object.hasOwn(scripts, name), line);
      const file = (scripts[name] ?? '').split(' ').find((word) => /\.(ts|cjs)$/.test(word) && !word.endsWith('run.cjs')) ?? '';
      assert.ok(existsSync(join(ROOT, file)), `${line}: ${file}`);
    } else if (words[0] === 'berth') {
      const command = commandOf(words.slice(1));
      assert.notEqual(command.name(), 'berth', line);
      for (const option of words.filter((word) => word.startsWith('--')))
        assert.ok(command.options.some(({ long }) => long === option) || option === '--help', `${line}: ${option}`);
    } else continue;
    looked++;
  }
  t.diagnostic(`${looked} commands`);
  assert.ok(looked > 15);
});

test('files that commands and links name are there', (t) => {
  let looked = 0;
  for (const { path, text } of DOCUMENTS) {
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map((match) => join(dirname(path), match[1] ?? ''));
    const manifests = typed(text).flatMap((line) => /-f (\S+\.yaml)/.exec(line)?.[1] ?? []);
    for (const file of [...links, ...manifests]) {
      looked++;
      assert.ok(existsSync(join(ROOT, file)), `${path}: ${file}`);
    }
  }
  t.diagnostic(`${looked} files`);
  assert.ok(looked > 8);
});

/** Shown as files for an option of `berth up`, never applied. */
const FILES: ReadonlySet<string> = new Set([
  'apiserver.config.k8s.io/v1 EncryptionConfiguration',
  'apiserver.config.k8s.io/v1 AuthenticationConfiguration',
  'apiserver.config.k8s.io/v1 AdmissionConfiguration',
  'audit.k8s.io/v1 Policy',
]);

test('manifests that are shown or applied are of kinds that are served', async (t) => {
  const { parseAllDocuments } = await import('yaml');
  const shown = DOCUMENTS.flatMap(({ text }) => [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1] ?? ''));
  const applied = DOCUMENTS.flatMap(({ text }) => typed(text).flatMap((line) => /apply -f (\S+\.yaml)/.exec(line)?.[1] ?? [])).map((file) =>
    readFileSync(join(ROOT, file), 'utf8'),
  );
  const served = new Set(
    builtinKinds()
      .filter(({ servedByDefault }) => servedByDefault)
      .map(({ group, version, kind }) => `${group === '' ? '' : `${group}/`}${version} ${kind}`),
  );
  let looked = 0;
  for (const document of [...shown, ...applied].flatMap((text) => [...parseAllDocuments(text)])) {
    assert.deepEqual(document.errors, []);
    const { apiVersion, kind } = document.toJS() as { readonly apiVersion: string; readonly kind: string };
    assert.ok(served.has(`${apiVersion} ${kind}`) || FILES.has(`${apiVersion} ${kind}`), `${apiVersion} ${kind}`);
    looked++;
  }
  t.diagnostic(`${looked} objects`);
  assert.ok(looked > 3);
});
