import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { defined } from '../base/assert.ts';
import { formatFieldError } from '../machinery/field-error.ts';
import { validateMetadata, validateMetadataUpdate } from '../machinery/metadata.ts';
import { type Draft, formatApiVersion, type JsonObject, type KubeObject } from '../machinery/object.ts';
import { decode } from '../schema/decode.ts';
import { builtinFacts } from './facts.ts';
import { verifySignature } from '../cluster/verify-signature.ts';
import type { Kind } from './kind.ts';
import { builtinKinds } from './registry.ts';

/**
 * Objects that are refused, with every cause in the words that clients know: `testdata/refusals/*.yaml`. A row has `what` (a
 * sentence), `object`, and `causes` (in order; none: it is accepted). With `old`, it is an update of that; `subresource: status`: of
 * its status. Names and namespaces are filled in where a row leaves them out; `base` is a whole object that the rows of a file change by merging into it.
 */
interface Row {
  readonly what: string;
  readonly object: JsonObject;
  readonly old?: JsonObject;
  readonly subresource?: 'status';
  readonly causes: readonly string[];
}

interface Table {
  readonly base?: JsonObject;
  readonly rows: readonly Row[];
}

const nowMs = Date.UTC(2026, 0, 2);

function kindOf(object: JsonObject): Kind {
  const kind = builtinKinds().find((k) => k.kind === object.kind && formatApiVersion(k) === object.apiVersion);
  assert.ok(kind !== undefined, `${String(object.apiVersion)} ${String(object.kind)}`);
  return kind;
}

function storedKindOf({ storage: { group, version }, resource }: Kind): Kind {
  return defined(
    builtinKinds().find((k) => k.group === group && k.version === version && k.resource === resource),
    'the storage version',
  );
}

/** Decoded, defaulted and in the storage version, as a handler has it before it validates. */
function prepared(input: JsonObject, kind: Kind): Draft<KubeObject> {
  const metadata = { name: 'x', ...(kind.namespaced ? { namespace: 'default' } : {}), ...(input.metadata as JsonObject | undefined) };
  const decoded = decode(builtinFacts, kind.typeName, { ...input, metadata });
  assert.ok('object' in decoded, JSON.stringify(decoded));
  assert.deepEqual(decoded.unknownFields, []);
  const draft = decoded.object as unknown as Draft<KubeObject>;
  kind.strategy.default?.(draft);
  return kind.convert === undefined ? draft : (kind.convert.toStorage(draft as unknown as JsonObject) as unknown as Draft<KubeObject>);
}

function causesOf({ object, old, subresource }: Row): readonly string[] {
  const kind = kindOf(object);
  const apiVersion = formatApiVersion(kind);
  const { strategy } = storedKindOf(kind);
  const rules = { namespaced: kind.namespaced, validateName: strategy.validateName };
  const draft = prepared(object, kind);
  if (old === undefined) {
    (draft.metadata ??= {}).uid = 'uid-1';
    strategy.prepareForCreate?.(draft, { nowMs, newName: () => 'new' });
    return [
      ...validateMetadata(draft.metadata ?? {}, rules),
      ...(strategy.validateCreate?.(draft as KubeObject, apiVersion, { verify: verifySignature }) ?? []),
    ].map(formatFieldError);
  }
  const before = prepared(old, kind);
  for (const meta of [draft.metadata ?? {}, before.metadata ?? {}]) meta.resourceVersion = '1';
  if (subresource === 'status') {
    strategy.status?.prepareForUpdate?.(draft, before as KubeObject, { nowMs });
    return (strategy.status?.validateUpdate?.(draft as KubeObject, before as KubeObject, apiVersion, { nowMs }) ?? []).map(formatFieldError);
  }
  strategy.prepareForUpdate?.(draft, before as KubeObject, { nowMs });
  return [
    ...validateMetadataUpdate(draft.metadata ?? {}, before.metadata ?? {}),
    ...(strategy.validateUpdate?.(draft as KubeObject, before as KubeObject, apiVersion) ?? []),
  ].map(formatFieldError);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** JSON merge patch: null takes a field away. */
function merged(base: JsonObject, change: JsonObject): JsonObject {
  const out: Record<string, JsonObject[string]> = { ...base };
  for (const [key, value] of Object.entries(change)) {
    if (value === null) delete out[key];
    else out[key] = isObject(value) && isObject(out[key]) ? merged(out[key], value) : value;
  }
  return out;
}

const directory = join(import.meta.dirname, 'testdata/refusals');
for (const file of readdirSync(directory).sort()) {
  const { base, rows } = parse(readFileSync(join(directory, file), 'utf8'), { version: '1.1' }) as Table;
  test(`${file}: ${rows.length} objects`, async (t) => {
    for (const row of rows) {
      const whole: Row =
        base === undefined ? row : { ...row, object: merged(base, row.object), ...(row.old === undefined ? {} : { old: merged(base, row.old) }) };
      await t.test(row.what, () => assert.deepEqual(causesOf(whole), row.causes));
    }
  });
}
