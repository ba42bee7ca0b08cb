/**
 * Makes `dist/descriptions`: what Kubernetes says about its types and fields, for `kubectl explain`, taken from packages that carry it
 * (the newest that has a text wins) and never part of the repository. `node scripts/descriptions.ts [FILE]`.
 *
 * The file: a line that changes with the texts, then lines `TYPE<tab>{"FIELD": "text", "": "text about the type"}`, packed with brotli.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import { builtinFacts, typeNames } from '../src/api/facts.ts';
import { type Prose, readDeclaration } from './api-descriptions/declarations.ts';

const ROOT = join(import.meta.dirname, '..');

/** Where a package has the text about a type, by the type's name in the tables (`core.v1.Container`). */
type Source = (typeName: string) => Prose | undefined;

/** The highest takes 20 times as long for a tenth less. */
const QUALITY = 9;

const SOURCES: readonly Source[] = [
  kubernetesModels(packageDirectory('kubernetes-models')),
  apimachinery(packageDirectory('@kubernetes-models/apimachinery')),
  clientNode(join(packageDirectory('@kubernetes/client-node'), 'gen', 'models')),
];

const out = process.argv[2] ?? join(ROOT, 'dist', 'descriptions');
const lines = typeNames().flatMap((name) => {
  const texts = textsOf(name);
  return texts === undefined ? [] : [`${name}\t${JSON.stringify(texts)}\n`];
});
const packed = brotliCompressSync(lines.join(''), { params: { [constants.BROTLI_PARAM_QUALITY]: QUALITY, [constants.BROTLI_PARAM_LGWIN]: 22 } });
const version = createHash('sha256').update(packed).digest('hex').slice(0, 16);
mkdirSync(dirname(out), { recursive: true });
const beside = `${out}.${process.pid}`;
writeFileSync(beside, Buffer.concat([Buffer.from(`${version}\n`), packed]));
renameSync(beside, out);
process.stderr.write(`berth: descriptions of ${lines.length} types, ${Math.ceil(packed.length / 1000)} KB\n`);

/** Undefined: nobody has a word about it. */
function textsOf(typeName: string): Readonly<Record<string, string>> | undefined {
  const found = SOURCES.flatMap((source) => source(typeName) ?? []);
  const names = ['', ...Object.keys(builtinFacts.type(typeName)?.fields ?? {})];
  const texts = names.flatMap((name) => {
    const text = found.map(({ texts: each }) => each.get(name)).find((each) => each !== undefined);
    return text === undefined ? [] : [[name, text] as const];
  });
  return texts.length === 0 ? undefined : Object.fromEntries(texts);
}

/** Where the module lies that a package is imported by. */
function packageDirectory(name: string): string {
  return dirname(fileURLToPath(import.meta.resolve(name)));
}

function read(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

/** `apps/v1/Deployment.d.ts`, `rbac.authorization.k8s.io/v1/Role.d.ts`, `v1/Pod.d.ts`. Versions that are served by default, references included. */
function kubernetesModels(directory: string): Source {
  const groups = readdirSync(directory).map((name) => [name.split('.')[0] ?? '', name] as const);
  const folders = new Map([...groups, ['core', '']]);
  return (typeName) => {
    const [group = '', version = '', name = ''] = typeName.split('.');
    const file = read(join(directory, folders.get(group) ?? group, version, `${name}.d.ts`));
    return file === undefined ? undefined : readDeclaration(file, plainMarkdown);
  };
}

/** `apis/meta/v1/ObjectMeta.d.ts` for `machinery.meta.v1.ObjectMeta`. */
function apimachinery(directory: string): Source {
  return (typeName) => {
    if (!typeName.startsWith('machinery.meta.')) return undefined;
    const file = read(join(directory, 'apis', ...typeName.split('.').slice(1)) + '.d.ts');
    return file === undefined ? undefined : readDeclaration(file, plainMarkdown);
  };
}

/** `V1Container.d.ts`, `CoreV1Event.d.ts`: every version, but no text at a member that refers to another class. */
function clientNode(directory: string): Source {
  return (typeName) => {
    const parts = typeName
      .split('.')
      .slice(-3)
      .map((part) => part.charAt(0).toUpperCase() + part.slice(1));
    const files = [parts, parts.slice(1)].map((each) => read(join(directory, `${each.join('')}.d.ts`)));
    const file = files.find((each) => each !== undefined);
    const prose =
      file === undefined
        ? undefined
        : readDeclaration(file, (text) => text.replace(/\\(['"\\])/g, '$1').replace(/\*_\/|\/_\*/g, (mark) => mark.replace('_', '')));
    if (prose === undefined) return undefined;
    // Names of another language's words are changed (`_continue`, `x_kubernetes_validations`).
    const theirs = new Map([...prose.members].map((member) => [ownName(member), member]));
    const fields = Object.keys(builtinFacts.type(typeName)?.fields ?? {});
    // A class of that name may belong to another group.
    if (!fields.every((field) => theirs.has(ownName(field)))) return undefined;
    const texts = new Map(fields.map((field) => [field, prose.texts.get(theirs.get(ownName(field)) ?? '') ?? ''] as const).filter(([, text]) => text !== ''));
    return { members: new Set(fields), texts: texts.set('', prose.texts.get('') ?? '') };
  };
}

function ownName(name: string): string {
  return name.replace(/^[_$]+/, '').replaceAll('-', '_');
}

function plainMarkdown(text: string): string {
  return text.replace(/\\([*/_`])/g, '$1');
}
