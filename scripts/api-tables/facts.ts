import { type FieldRow, isField, type MessageRow, type Ref, type Tables, type TypeRow } from './read.ts';

interface Wire {
  readonly number: number;
  readonly type: string;
  readonly flags: string;
  /** The message that declares it, for enums and defaults. */
  readonly owner: string;
  readonly embedded: readonly (readonly [number: number, type: string, pointer: 0 | 1])[];
}

/** Named constants that declared defaults refer to. */
const CONSTANTS: Readonly<Record<string, string>> = { AzureDataDiskCachingReadWrite: 'ReadWrite', AzureSharedBlobDisk: 'Shared' };

/**
 * The compact form that `facts.ts` of `src/api` expands, one line of JSON for each type:
 * `{f: {field: [type, flags, number, wireType, more]}, a: mapType, g: gvk, s: scalar, u: unions}`;
 * flags: p pointer, o omitempty, z omitzero, r required.
 */
export function compactFacts(tables: Tables): Record<string, string> {
  const out: Record<string, string> = {};
  for (const name of Object.keys(tables.types).sort()) out[name] = JSON.stringify(compactType(tables, name, tables.types[name] as TypeRow));
  out['machinery.meta.v1.Duration'] = JSON.stringify({ f: {}, s: 'string' });
  return out;
}

function compactType(tables: Tables, name: string, type: TypeRow): object {
  const wires = wireFields(tables, name, []);
  const fields = Object.fromEntries(
    Object.entries(type.fields ?? {}).map(([field, row]) => [field, compactField(tables, name, field, isField(row) ? row : { type: row }, wires.get(field))]),
  );
  // A few empty structs are listed as "object" without fields; they are types without fields, not free-form values.
  const free = ['machinery.meta.v1.FieldsV1', 'machinery.meta.v1.Patch', 'machinery.runtime.RawExtension'].includes(name);
  return {
    f: fields,
    ...(type.mapType === undefined ? {} : { a: type.mapType }),
    ...(type.gvk === undefined ? {} : { g: type.gvk }),
    ...(type.is === undefined || (type.is === 'object' && !free) ? {} : { s: type.is }),
    ...(type.unions === undefined ? {} : { u: type.unions }),
  };
}

function compactField(tables: Tables, owner: string, field: string, row: FieldRow, wire: Wire | undefined): unknown[] {
  const named = tables.enums[`${owner}.${field}`] ?? (wire === undefined ? undefined : tables.enums[`${wire.owner}.${field}`]);
  const declared = tables.defaults[`${owner}.${field}`] ?? (wire === undefined ? undefined : tables.defaults[`${wire.owner}.${field}`]);
  const flags = `${(wire?.flags ?? '').replace('i', '')}${row.required === true ? 'r' : ''}`;
  const more: Record<string, unknown> = {};
  for (const key of ['listType', 'listMapKeys', 'mapType', 'patchMergeKey', 'patchStrategy'] as const) if (row[key] !== undefined) more[key] = row[key];
  if (declared !== undefined) more.default = constant(declared);
  if (named !== undefined) more.values = named.values;
  if (named?.closed === true) more.closed = true;
  if (wire !== undefined && wire.embedded.length > 0) more.embedded = wire.embedded;
  const wireType = wire === undefined || wire.type === plainWire(row.type) ? 0 : wire.type;
  const tuple: unknown[] = [row.type, flags, wire?.number ?? 0, wireType, more];
  if (Object.keys(more).length === 0) {
    tuple.pop();
    if (wireType === 0) tuple.pop();
  }
  return tuple;
}

function constant(text: string): unknown {
  const ref = /^ref\((.*)\)$/.exec(text);
  if (ref === null) return JSON.parse(text);
  const value = CONSTANTS[ref[1] as string];
  if (value === undefined) throw new Error(`no value is known for the constant ${ref[1]}`);
  return value;
}

/** The wire type that follows from the JSON type; only others are written down. */
export function plainWire(ref: Ref): string {
  if (typeof ref === 'string') {
    const scalars: Readonly<Record<string, string>> = {
      boolean: 'bool',
      'integer:int32': 'int32',
      'integer:int64': 'int64',
      'number:double': 'double',
      'string:byte': 'bytes',
    };
    return scalars[ref] ?? ref;
  }
  return 'list' in ref ? `[]${plainWire(ref.list)}` : `map<string,${plainWire(ref.map)}>`;
}

/** A message's fields under their JSON names, inlined messages flattened. */
function wireFields(tables: Tables, name: string, embedded: Wire['embedded']): Map<string, Wire> {
  const out = new Map<string, Wire>();
  for (const [field, [number, type, flags = '']] of Object.entries((tables.messages[name] ?? {}) as MessageRow)) {
    if (flags.includes('i')) {
      const inner = wireFields(tables, type, [...embedded, [number, type, flags.includes('p') ? 1 : 0]]);
      for (const [innerField, wire] of inner) out.set(innerField, wire);
    } else {
      out.set(field, { number, type, flags, owner: name, embedded });
    }
  }
  return out;
}
