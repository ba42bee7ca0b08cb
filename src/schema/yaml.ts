import type { Document, LineCounter } from 'yaml';
import type { Json } from '../machinery/object.ts';
import { parseJson } from './parse-json.ts';

/**
 * YAML as kubectl and the API server read it: version 1.1 (`0400` is octal, `yes` is true), keys that come twice are seen, and
 * anchors can't blow up. The library is loaded when the first document arrives.
 */
export type ParsedYaml = { readonly value: Json; readonly duplicates: readonly YamlDuplicate[]; readonly fault?: undefined } | { readonly fault: string };

export interface YamlDuplicate {
  /** Of the second one, from 1. */
  readonly line: number;
  readonly key: string;
}

const MAX_DEPTH = 1000;
const MAX_DUPLICATES = 100;
const MAX_VALUES = 1_000_000;

/** The first document, as Go's library reads it: none is null, and what follows it is not looked at. */
export async function parseYaml(body: string | Uint8Array): Promise<ParsedYaml> {
  const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
  // Clients send JSON under YAML's name, which it is: without duplicates, and far cheaper to read.
  if (/^\s*\{/.test(text)) {
    const json = parseJson(text);
    if (json.fault === undefined && json.duplicates.length === 0) return { value: json.value, duplicates: [] };
  }
  const deep = nestingFault(text);
  if (deep !== undefined) return { fault: deep };
  const { parseAllDocuments, LineCounter } = await import('yaml');
  const lines = new LineCounter();
  const options = { version: '1.1', schema: 'yaml-1.1', merge: true, uniqueKeys: false, lineCounter: lines, prettyErrors: false } as const;
  const [document] = parseAllDocuments(text, options);
  if (document === undefined) return { value: null, duplicates: [] };
  const [error] = document.errors;
  if (error !== undefined) return { fault: `yaml: line ${lines.linePos(error.pos[0]).line}: ${error.message}` };
  try {
    const value = plain(document.toJS({ maxAliasCount: 1000, mapAsMap: true }), 0, { left: MAX_VALUES });
    return { value, duplicates: await duplicatesIn(document, lines) };
  } catch (cause) {
    return { fault: `yaml: ${cause instanceof Error ? cause.message : String(cause)}` };
  }
}

async function duplicatesIn(document: Document, lines: LineCounter): Promise<readonly YamlDuplicate[]> {
  const { isScalar, visit } = await import('yaml');
  const duplicates: YamlDuplicate[] = [];
  visit(document, {
    Map(_key, node) {
      const seen = new Set<string>();
      for (const { key } of node.items) {
        if (!isScalar(key) || key.value === '<<') continue;
        const name = String(key.value);
        if (seen.has(name) && duplicates.length < MAX_DUPLICATES) duplicates.push({ line: lines.linePos(key.range?.[0] ?? 0).line, key: name });
        seen.add(name);
      }
    },
  });
  return duplicates;
}

/** `yaml: unmarshal errors:\n  line 26: key "imagePullPolicy" already set in map`: the words of strict decoding. */
export function yamlDuplicatesText(duplicates: readonly YamlDuplicate[]): string {
  return `yaml: unmarshal errors:\n${duplicates.map((duplicate) => `  ${yamlDuplicateText(duplicate)}`).join('\n')}`;
}

export const yamlDuplicateText = ({ line, key }: YamlDuplicate): string => `line ${line}: key ${JSON.stringify(key)} already set in map`;

/** Out of the library's values: maps with users' keys (`__proto__`), dates and binary as text. */
function plain(value: unknown, depth: number, bound: { left: number }): Json {
  if (depth > MAX_DEPTH) throw new Error('exceeded max depth');
  // An alias costs a few letters, and what it stands for is written out.
  if (--bound.left < 0) throw new Error(`more than ${MAX_VALUES} values`);
  if (value === undefined || value === null) return null;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') {
    // What Go's encoder says: JSON has no such number.
    if (!Number.isFinite(value)) throw new Error(`json: unsupported value: ${Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'}`);
    return value;
  }
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Date) return value.toISOString().replace('.000Z', 'Z');
  if (value instanceof Uint8Array) return btoa(String.fromCharCode(...value));
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1, bound));
  if (value instanceof Set) return plain(new Map([...value].map((key) => [key, null])), depth, bound);
  if (!(value instanceof Map)) return null;
  const out: Record<string, Json> = {};
  for (const [key, item] of value) {
    // As sigs.k8s.io/yaml: a key has a text. (One of keys within keys would double at each level.)
    if (typeof key === 'object' && key !== null && !(key instanceof Date))
      throw new Error('unsupported map key: a key must be a string, a number or a boolean');
    const name = key instanceof Date ? String(plain(key, depth, bound)) : String(key);
    const child = plain(item, depth + 1, bound);
    Object.defineProperty(out, name, { value: child, writable: true, enumerable: true, configurable: true });
  }
  return out;
}

/** The library is recursive: flow collections and indentation that go too deep are refused before it sees them. */
function nestingFault(text: string): string | undefined {
  let flow = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x5b || code === 0x7b) deepest = Math.max(deepest, ++flow);
    else if (code === 0x5d || code === 0x7d) flow--;
  }
  if (deepest > MAX_DEPTH) return 'yaml: exceeded max depth';
  for (const line of text.split('\n')) {
    const indicators = /^(?: *(?:- |\? |: ))+/.exec(line.length > 4 * MAX_DEPTH ? line.slice(0, 4 * MAX_DEPTH) : line)?.[0].length ?? 0;
    if (indicators > 2 * MAX_DEPTH || /^ {2000}/.test(line)) return 'yaml: exceeded max depth';
  }
  return undefined;
}

/** Lines that end in a blank: go-yaml quotes such a text, and the library would lose the blanks of some. */
const BLANK_BEFORE_BREAK = / \n| $/;

/** As `kubectl get -o yaml` prints: two blanks, keys as they stand, texts quoted where YAML 1.1 would read something else. */
export async function formatYaml(value: Json): Promise<string> {
  return (await yamlFormatter())(value);
}

/** The same for many values, once the library is there. */
export async function yamlFormatter(): Promise<(value: Json) => string> {
  const { Document, isScalar, stringify, visit } = await import('yaml');
  const options = {
    version: '1.1',
    schema: 'yaml-1.1',
    indent: 2,
    indentSeq: false,
    lineWidth: 0,
    // Texts in quotes stay on their line: the library misreads blanks at the start of another.
    doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER,
    aliasDuplicateObjects: false,
  } as const;
  return (value) => {
    const text = stringify(value, options);
    // A plain `<<` as a key would be read as a merge: it is quoted. Rare, so the slower way is taken only then.
    if (!text.includes('<<') && !text.includes(' \n')) return text;
    const document = new Document(value, {
      ...options,
      customTags: (tags) => tags.filter((tag) => (typeof tag === 'string' ? tag !== 'merge' : tag.tag !== 'tag:yaml.org,2002:merge')),
    });
    visit(document, {
      Scalar: (_, scalar) => {
        if (typeof scalar.value === 'string' && scalar.value.includes('\n') && BLANK_BEFORE_BREAK.test(scalar.value)) scalar.type = 'QUOTE_DOUBLE';
      },
      Pair: (_, { key }) => {
        if (isScalar(key) && key.value === '<<') key.type = 'QUOTE_DOUBLE';
      },
    });
    return document.toString(options);
  };
}
