import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The tables of facts as they lie on disk: names, types, numbers and merge rules of the Kubernetes API, no prose. */
export interface Tables {
  readonly resources: readonly ResourceRow[];
  readonly types: Readonly<Record<string, TypeRow>>;
  readonly enums: Readonly<Record<string, { readonly closed: boolean; readonly values: readonly string[] }>>;
  readonly defaults: Readonly<Record<string, string>>;
  readonly messages: Readonly<Record<string, MessageRow>>;
}

export interface ResourceRow {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly servedByDefault: boolean;
  readonly verbs: readonly string[];
  readonly subresources: Readonly<
    Record<string, { readonly kind: string; readonly group: string; readonly version: string; readonly verbs: readonly string[] }>
  >;
}

export type Ref = string | { readonly list: Ref } | { readonly map: Ref };

export interface FieldRow {
  readonly type: Ref;
  readonly required?: boolean;
  readonly listType?: string;
  readonly listMapKeys?: readonly string[];
  readonly mapType?: string;
  readonly patchMergeKey?: string;
  readonly patchStrategy?: string;
}

export interface TypeRow {
  /** A type name or list or map alone stands for a field without further facts. */
  readonly fields?: Readonly<Record<string, FieldRow | Ref>>;
  readonly is?: string;
  readonly gvk?: string;
  readonly mapType?: string;
  readonly unions?: readonly unknown[];
}

/** Field name to number, wire type and flags (`p` pointer, `o` omitempty, `z` omitzero, `i` inlined). */
export type MessageRow = Readonly<Record<string, readonly [number: number, type: string, flags?: string]>>;

export function readTables(directory: string): Tables {
  const read = <T>(file: string): T => JSON.parse(readFileSync(join(directory, file), 'utf8')) as T;
  const messages = read<Record<string, MessageRow>>('protobuf.json');
  return {
    resources: read('resources.json'),
    types: { ...read<Record<string, TypeRow>>('types.json'), ...derivedTypes(messages, read('types.json')), ...TABLE_TYPES },
    enums: read('enums.json'),
    defaults: read('defaults.json'),
    messages,
  };
}

export function isField(value: FieldRow | Ref): value is FieldRow {
  return typeof value === 'object' && 'type' in value;
}

/** Bodies that exist on the wire but that the table of types lacks: options, lists of anything, metadata alone, discovery, admission. */
const DERIVED = [
  ...['CreateOptions', 'UpdateOptions', 'PatchOptions', 'GetOptions', 'ListOptions', 'GroupKind', 'GroupVersionKind', 'GroupVersionResource'].map(
    (n) => `machinery.meta.v1.${n}`,
  ),
  ...['PartialObjectMetadata', 'PartialObjectMetadataList', 'List', 'RootPaths', 'TableOptions'].map((n) => `machinery.meta.v1.${n}`),
  ...[
    'PodExecOptions',
    'PodAttachOptions',
    'PodLogOptions',
    'PodPortForwardOptions',
    'PodProxyOptions',
    'ServiceProxyOptions',
    'NodeProxyOptions',
    'PodStatusResult',
  ].map((n) => `core.v1.${n}`),
];
const DERIVED_GROUPS = ['apidiscovery.v2.', 'apidiscovery.v2beta1.', 'admission.v1.'];
const DERIVED_KINDS = new Set([
  'APIGroupDiscovery',
  'APIGroupDiscoveryList',
  'AdmissionReview',
  'PartialObjectMetadata',
  'PartialObjectMetadataList',
  'List',
  'RootPaths',
]);
const GROUPS: Readonly<Record<string, string>> = { apidiscovery: 'apidiscovery.k8s.io', admission: 'admission.k8s.io', machinery: 'meta.k8s.io', core: '' };

function derivedTypes(messages: Readonly<Record<string, MessageRow>>, known: Readonly<Record<string, TypeRow>>): Record<string, TypeRow> {
  const names = Object.keys(messages).filter((name) => known[name] === undefined && (DERIVED.includes(name) || DERIVED_GROUPS.some((g) => name.startsWith(g))));
  return Object.fromEntries(names.map((name) => [name, derive(name, messages[name] as MessageRow)]));
}

function derive(name: string, message: MessageRow): TypeRow {
  const parts = name.split('.');
  const kind = parts.at(-1) as string;
  const isKind = DERIVED_KINDS.has(kind) || kind.endsWith('Options');
  const fields: Record<string, FieldRow | Ref> = isKind ? { apiVersion: 'string', kind: 'string' } : {};
  for (const [field, [, type, flags]] of Object.entries(message)) {
    const ref = refOf(type);
    fields[field] = flags?.includes('o') === true || flags?.includes('p') === true || kind.endsWith('Options') ? ref : { type: ref, required: true };
  }
  const version = parts.at(-2) as string;
  const group = GROUPS[parts[0] as string] ?? '';
  return isKind ? { gvk: `${kind.endsWith('Options') && parts[0] === 'machinery' ? '' : group}/${version}/${kind}`, fields } : { fields };
}

function refOf(type: string): Ref {
  if (type.startsWith('[]')) return { list: refOf(type.slice(2)) };
  const map = /^map<string,(.*)>$/.exec(type);
  if (map !== null) return { map: refOf(map[1] as string) };
  const scalars: Readonly<Record<string, string>> = {
    bool: 'boolean',
    int32: 'integer:int32',
    int64: 'integer:int64',
    double: 'number:double',
    bytes: 'string:byte',
  };
  return scalars[type] ?? type;
}

/** meta.k8s.io/v1 Table: JSON only, so that no message describes it. API reference, "Receiving resources as Tables". */
const TABLE_TYPES: Readonly<Record<string, TypeRow>> = {
  'machinery.meta.v1.Table': {
    gvk: 'meta.k8s.io/v1/Table',
    fields: {
      apiVersion: 'string',
      kind: 'string',
      metadata: 'machinery.meta.v1.ListMeta',
      columnDefinitions: { type: { list: 'machinery.meta.v1.TableColumnDefinition' }, required: true, listType: 'atomic' },
      rows: { type: { list: 'machinery.meta.v1.TableRow' }, required: true, listType: 'atomic' },
    },
  },
  'machinery.meta.v1.TableColumnDefinition': {
    fields: {
      name: { type: 'string', required: true },
      type: { type: 'string', required: true },
      format: { type: 'string', required: true },
      description: { type: 'string', required: true },
      priority: { type: 'integer:int32', required: true },
    },
  },
  'machinery.meta.v1.TableRow': {
    fields: {
      cells: { type: { list: 'apiextensions.v1.JSON' }, required: true, listType: 'atomic' },
      conditions: { type: { list: 'machinery.meta.v1.TableRowCondition' }, listType: 'atomic' },
      object: 'machinery.runtime.RawExtension',
    },
  },
  'machinery.meta.v1.TableRowCondition': {
    fields: { type: { type: 'string', required: true }, status: { type: 'string', required: true }, reason: 'string', message: 'string' },
  },
};
