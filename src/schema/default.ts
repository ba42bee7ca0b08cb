import type { DraftJson, DraftObject } from '../machinery/object.ts';
import { hasOwn, setOwn } from '../machinery/record.ts';
import type { Facts, FieldFacts, TypeRef } from './facts.ts';

/**
 * Fills in the defaults that are declared on fields (`protocol: TCP`). Those that depend on other fields are the kinds' own.
 * Changes the draft; never descends into what is absent.
 */
export function applyDefaults(facts: Facts, typeName: string, draft: DraftObject): void {
  defaulter(facts, typeName)?.(draft);
}

type Defaulter = (value: DraftJson) => void;

/** Undefined for a type below which nothing has a default: then nothing is walked. */
const known = new WeakMap<Facts, Map<string, Defaulter | undefined>>();

function defaulter(facts: Facts, typeName: string): Defaulter | undefined {
  let cache = known.get(facts);
  if (cache === undefined) known.set(facts, (cache = new Map()));
  if (cache.has(typeName)) return cache.get(typeName);
  const built = reachesDefault(facts, typeName, new Set()) ? structDefaulter(facts, typeName) : undefined;
  cache.set(typeName, built);
  return built;
}

function reachesDefault(facts: Facts, typeName: string, seen: Set<string>): boolean {
  if (seen.has(typeName)) return false;
  seen.add(typeName);
  const fields = Object.values(facts.type(typeName)?.fields ?? {});
  return fields.some((field) => declared(field) !== undefined) || fields.some((field) => reachesDefault(facts, leafName(field.type), seen));
}

const leafName = (ref: TypeRef): string => (typeof ref === 'string' ? ref : leafName('list' in ref ? ref.list : ref.map));

/** A default that Go would not print has no effect. */
function declared(field: FieldFacts): string | number | boolean | undefined {
  const value = field.default;
  if (value === undefined) return undefined;
  const silent = field.pointer !== true && field.omitEmpty === true && (value === '' || value === 0 || value === false);
  return silent ? undefined : value;
}

function structDefaulter(facts: Facts, typeName: string): Defaulter {
  const values: (readonly [string, string | number | boolean])[] = [];
  const below: (readonly [string, Defaulter])[] = [];
  let compiled = false;
  const compile = (): void => {
    compiled = true;
    for (const [name, field] of Object.entries(facts.type(typeName)?.fields ?? {})) {
      const value = declared(field);
      if (value !== undefined) values.push([name, value]);
      const inner = refDefaulter(facts, field.type);
      if (inner !== undefined) below.push([name, inner]);
    }
  };
  return (object) => {
    if (!compiled) compile();
    if (typeof object !== 'object' || object === null || Array.isArray(object)) return;
    for (const [name, value] of values) if (!hasOwn(object, name)) setOwn<DraftJson | undefined>(object, name, value);
    for (const [name, inner] of below) {
      const child = hasOwn(object, name) ? object[name] : undefined;
      if (child !== undefined) inner(child);
    }
  };
}

function refDefaulter(facts: Facts, ref: TypeRef): Defaulter | undefined {
  if (typeof ref === 'string') return defaulter(facts, ref);
  const inner = refDefaulter(facts, 'list' in ref ? ref.list : ref.map);
  if (inner === undefined) return undefined;
  return (value) => {
    if (typeof value !== 'object' || value === null) return;
    for (const item of Array.isArray(value) ? value : Object.values(value)) if (item !== undefined) inner(item);
  };
}
