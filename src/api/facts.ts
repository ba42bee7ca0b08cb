import { getOwn } from '../machinery/record.ts';
import type { Facts, FieldFacts, TypeFacts, TypeRef } from '../schema/facts.ts';
import { FACTS } from './gen/facts-data.ts';

/** `[type, flags, number, wire type or 0 when it follows from the type, more]`; written by `scripts/api-tables/facts.ts`. */
type CompactField = readonly [type: TypeRef, flags: string, number: number, wireType?: string | 0, more?: CompactMore];

type CompactMore = Pick<FieldFacts, 'listType' | 'listMapKeys' | 'mapType' | 'patchMergeKey' | 'patchStrategy' | 'default' | 'values' | 'closed'> & {
  readonly embedded?: readonly (readonly [number: number, type: string, pointer: 0 | 1])[];
};

interface CompactType {
  readonly f: Readonly<Record<string, CompactField>>;
  readonly a?: 'atomic' | 'granular';
  readonly g?: string;
  readonly s?: string;
  readonly u?: readonly unknown[];
}

const parsed = new Map<string, TypeFacts>();

/** The facts of Kubernetes 1.36. A type is parsed when it is first asked for, and kept. */
export const builtinFacts: Facts = {
  type(name) {
    const known = parsed.get(name);
    if (known !== undefined) return known;
    const text = FACTS.get(name);
    if (text === undefined) return undefined;
    const facts = expandType(name, JSON.parse(text) as CompactType);
    parsed.set(name, facts);
    return facts;
  },
};

/** Names of all types in the table, sorted. */
export const typeNames = (): readonly string[] => [...FACTS.keys()];

function expandType(name: string, { f, a, g, s, u }: CompactType): TypeFacts {
  const fields: Record<string, FieldFacts> = {};
  for (const [field, compact] of Object.entries(f)) fields[field] = expandField(compact);
  const [group = '', version = '', kind = ''] = g?.split('/') ?? [];
  return { name, fields, mapType: a, scalar: s, unions: u, gvk: g === undefined ? undefined : { group, version, kind } };
}

function expandField([type, flags, number, wireType = 0, more = {}]: CompactField): FieldFacts {
  const { embedded, ...rest } = more;
  return {
    ...rest,
    type,
    required: flags.includes('r'),
    pointer: flags.includes('p'),
    omitEmpty: flags.includes('o'),
    omitZero: flags.includes('z'),
    protobuf: number === 0 ? undefined : { number, type: wireType === 0 ? plainWire(type) : wireType },
    embedded: embedded?.map(([at, message, pointer]) => ({ number: at, type: message, pointer: pointer === 1 })),
  };
}

const WIRE_SCALARS: Readonly<Record<string, string>> = {
  boolean: 'bool',
  'integer:int32': 'int32',
  'integer:int64': 'int64',
  'number:double': 'double',
  'string:byte': 'bytes',
};

/** The wire type of a JSON type where the table names no other. */
function plainWire(type: TypeRef): string {
  if (typeof type === 'string') return getOwn(WIRE_SCALARS, type) ?? type;
  return 'list' in type ? `[]${plainWire(type.list)}` : `map<string,${plainWire(type.map)}>`;
}
