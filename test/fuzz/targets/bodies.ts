/** Bodies of requests. */
import assert from 'node:assert/strict';
import { builtinFacts } from '../../../src/api/facts.ts';
import { builtinKinds } from '../../../src/api/registry.ts';
import { parseJsonBody } from '../../../src/apiserver/codec/body.ts';
import { objectRefusal } from '../../../src/apiserver/codec/body-words.ts';
import { protobufReader, typeNameOf } from '../../../src/apiserver/codec/protobuf.ts';
import { JsonScan } from '../../../src/apiserver/codec/scan.ts';
import type { ParsedBody } from '../../../src/apiserver/handlers/call.ts';
import { Registry } from '../../../src/apiserver/registry/registry.ts';
import type { DraftObject, Json, JsonObject, ManagedFieldsEntry } from '../../../src/machinery/object.ts';
import { deepFreeze } from '../../../src/machinery/record.ts';
import { StatusError } from '../../../src/machinery/status-error.ts';
import { applyPatch } from '../../../src/schema/apply/apply-patch.ts';
import { decodeManagers, encodeManagers } from '../../../src/schema/apply/managed-fields.ts';
import { decode } from '../../../src/schema/decode.ts';
import { applyJsonPatch } from '../../../src/schema/json-patch.ts';
import { applyMergePatch } from '../../../src/schema/merge-patch.ts';
import { parseJson } from '../../../src/schema/parse-json.ts';
import { encodeProtobufObject } from '../../../src/schema/protobuf-encode.ts';
import { applyStrategicMerge } from '../../../src/schema/strategic-merge.ts';
import { formatYaml, parseYaml } from '../../../src/schema/yaml.ts';
import { jsonShape, protobufShape } from '../shapes.ts';
import type { Target } from '../target.ts';

export const registry = new Registry(builtinKinds());

const POD: JsonObject = deepFreeze({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', labels: { a: 'b' }, annotations: { c: 'd' }, finalizers: ['x/y'], creationTimestamp: '2030-01-01T00:00:00Z' },
  spec: {
    containers: [
      { name: 'c', image: 'i', ports: [{ containerPort: 80, protocol: 'TCP' }], env: [{ name: 'A', value: 'b' }], args: ['x', 'y'] },
      { name: 'd', image: 'i', resources: { limits: { cpu: '1500m', memory: '1Gi' } }, livenessProbe: { httpGet: { port: 'http' } } },
    ],
    volumes: [{ name: 'v', emptyDir: {} }],
    tolerations: [{ key: 'k', operator: 'Exists', tolerationSeconds: 300 }],
  },
});
const CRD: JsonObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'as.b.c' },
  spec: {
    group: 'b.c',
    names: { plural: 'as', kind: 'A' },
    scope: 'Namespaced',
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: { type: 'object', default: { x: [1] }, properties: { a: { items: { type: 'string' }, enum: ['b'] } }, additionalProperties: false },
        },
      },
    ],
  },
};
const LEASE: JsonObject = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: 'l' },
  spec: { holderIdentity: 'h', renewTime: '2030-01-01T00:00:00.123456Z' },
};
const SECRET: JsonObject = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, data: { a: 'AAEC', __proto__x: '' }, type: 'Opaque' };
const WEB: JsonObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'w' },
  spec: {
    replicas: 0,
    strategy: { rollingUpdate: { maxSurge: '25%', maxUnavailable: 1 } },
    selector: { matchLabels: { a: 'b' } },
    template: { spec: { containers: [] } },
  },
};

const never = (): boolean => false;
const isRefusal = (thrown: unknown): boolean => thrown instanceof StatusError && thrown.code < 500;
/** Where Kubernetes answers 500 to what is a client's mistake. */
const KNOWN_500 =
  /^(unknown patch type: |list element types are not identical: |The order in patch list:|expected a \[\]interface \{\}, but received a |cannot merge lists without merge key|merging lists cannot yet|map: .* does not contain declared merge key)/s;

function outcome(read: () => unknown): unknown {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof StatusError) return thrown.message;
    throw thrown;
  }
}

/** What stands twice is found by both ways of looking for it. */
function plainly({ value, duplicates, noted }: ParsedBody): { readonly value: Json; readonly duplicates: readonly string[] } {
  const paths = [...new Set(noted?.([]).map(({ path }) => path))];
  if (duplicates.length < MAX_DUPLICATES) assert.deepEqual(paths, [...new Set(duplicates)]);
  return { value, duplicates };
}

const MAX_DUPLICATES = 100;

const json: Target = {
  name: 'json',
  seeds: [JSON.stringify(POD), '[1,-2.5e3,"a\\u00e9\\n",{"a":null,"a":true}]', '{"__proto__":{"constructor":"\\ud800"}}', '\ufeff{}'],
  words: ['\\u', '\\"', '"a":', '[[[[', '{"a":'],
  shape: jsonShape,
  refuses: isRefusal,
  run(input) {
    const parsed = (scanned: JsonScan | undefined): unknown => outcome(() => plainly(parseJsonBody(input, scanned, objectRefusal('Pod'))));
    const whole = parsed(undefined);
    const scan = new JsonScan();
    const middle = input.byteLength >> 1;
    scan.push(input.subarray(0, middle));
    scan.push(input.subarray(middle));
    // However it arrived, and as JSON.parse reads it.
    assert.deepEqual(parsed(scan), whole);
    if (typeof whole === 'string') {
      assert.doesNotMatch(whole, /json parse error: invalid JSON/);
      if (/json parse error/.test(whole) && !/cannot unmarshal number/.test(whole)) assert.throws(() => JSON.parse(Buffer.from(input).toString()) as unknown);
    } else assert.deepEqual((whole as { readonly value: Json }).value, JSON.parse(Buffer.from(input).toString()));
  },
};

const yaml: Target = {
  name: 'yaml',
  seeds: [
    'apiVersion: v1\nkind: Pod\nmetadata: &m\n  name: fuzz\n  labels: {a: "b", c: !!str 1}\nspec:\n  containers:\n  - name: c\n    image: >-\n      i\n    args: [*m, 0x1f, 0o7, .inf, ~]\n',
    'a: |+2\n   x\n\n---\nb: yes\n...\n',
    '{a: [1, "x"], ? b : c}\n',
    '<<: [{a: 1}, {b: 2}]\nc: !!binary aGk=\nd: 2001-12-14t21:59:43.10-05:00\ne: !!set {x}\nf: 0400\ng: 1_000\nh: 190:20:30\n',
    "- 'it''s'\n- \"\\x41\\u263a\"\n- # nothing\n-\t- x\n",
  ],
  words: ['*', '&a', '!!', '!<', '%YAML 1.1\n', '---\n', '...\n', '? ', '- ', ': ', '|-\n', '>+\n', '<<', '{', '}', '[', ']', '\t', '# ', '"', "'"],
  perByteUs: 30,
  refuses: never,
  async run(input) {
    const parsed = await parseYaml(input);
    if (parsed.fault !== undefined) return;
    // What was read is JSON, and is the same when it is written and read again.
    const value = JSON.parse(JSON.stringify(parsed.value)) as Json;
    assert.deepEqual(withoutNegativeZero(parsed.value), value);
    const again = await parseYaml(await formatYaml({ value }));
    // It is one level deeper now.
    if (again.fault === 'yaml: exceeded max depth') return;
    assert.equal(again.fault, undefined);
    if (again.fault === undefined) assert.deepEqual(again.value, { value });
  },
};

const readProtobuf = protobufReader(builtinFacts, registry);
const protobuf: Target = {
  name: 'protobuf',
  seeds: [POD, CRD, LEASE, SECRET, WEB].map((object) => {
    const typeName = typeNameOf(builtinFacts, registry, String(object.apiVersion), String(object.kind)) ?? '';
    const decoded = decode(builtinFacts, typeName, object);
    return encodeProtobufObject(builtinFacts, typeName, decoded.fault === undefined ? decoded.object : object);
  }),
  words: ['k8s\0', '\n', '\x12', '\x1a', '\x80\x80\x80\x80\x10', '\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01'],
  shape: protobufShape(4),
  refuses: isRefusal,
  run(input) {
    const object = readProtobuf(input) as DraftObject;
    const typeName = typeNameOf(builtinFacts, registry, String(object.apiVersion), String(object.kind));
    if (typeName === undefined) return;
    // What was read can be written, and says the same then. (Null is what is not there, or is empty; so is the first second of 1970.)
    const once = rewritten(typeName, object);
    assert.deepEqual(withoutNulls(rewritten(typeName, once)), withoutNulls(once));
    if (!/null|1970-01-01T00:00:00/.test(JSON.stringify(object))) assert.deepEqual(once, object);
  },
};

function withoutNulls(value: DraftObject): unknown {
  return JSON.parse(JSON.stringify(value), (_key, item: unknown) => item ?? undefined);
}

function rewritten(typeName: string, object: DraftObject): DraftObject {
  return readProtobuf(encodeProtobufObject(builtinFacts, typeName, object as JsonObject)) as DraftObject;
}

function parsed(input: Uint8Array): Json | undefined {
  const read = parseJson(input);
  return read.fault === undefined ? read.value : undefined;
}

/** Reads the patch, lays it over the frozen pod, and looks whether the result is JSON. */
function patch(name: string, seeds: readonly Json[], apply: (patch: Json) => JsonObject, check: (patch: Json, patched: JsonObject) => void = () => {}): Target {
  return {
    name,
    seeds: seeds.map((seed) => JSON.stringify(seed)),
    shape: jsonShape,
    refuses: (thrown) => thrown instanceof StatusError && (thrown.code < 500 || KNOWN_500.test(thrown.message)),
    run(input) {
      const given = parsed(input);
      if (given === undefined) return;
      const patched = apply(given);
      assert.deepEqual(JSON.parse(JSON.stringify(patched)), withoutNegativeZero(patched));
      check(given, patched);
    },
  };
}

/** JSON has no -0. */
function withoutNegativeZero(value: unknown): unknown {
  if (Object.is(value, -0)) return 0;
  if (Array.isArray(value)) return value.map(withoutNegativeZero);
  if (typeof value !== 'object' || value === null) return value;
  return Object.defineProperties(
    {},
    Object.fromEntries(Object.entries(value).map(([key, item]) => [key, { value: withoutNegativeZero(item), enumerable: true }])),
  );
}

const jsonPatch = patch(
  'json-patch',
  [
    [
      { op: 'test', path: '/metadata/name', value: 'p' },
      { op: 'add', path: '/spec/containers/-', value: { name: 'e' } },
      { op: 'replace', path: '/metadata/labels/a', value: 'c' },
      { op: 'remove', path: '/metadata/annotations' },
      { op: 'move', from: '/spec/volumes/0', path: '/spec/volumes/0' },
      { op: 'copy', from: '/spec', path: '/metadata/annotations/a~1b~0c' },
    ],
  ],
  (given) => applyJsonPatch(POD, given) as JsonObject,
);

/** RFC 7386, section 2, word for word; but what is in a list that takes no object's place is merged as well, as Kubernetes' library has it. */
function mergedByTheBook(target: Json | undefined, given: Json): Json {
  const onObject = typeof target === 'object' && target !== null && !Array.isArray(target);
  if (Array.isArray(given) && !onObject) return given.map((item: Json) => mergedByTheBook(undefined, item));
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return given;
  const known = onObject ? Object.entries(target as JsonObject) : [];
  const out = new Map<string, Json>(known as [string, Json][]);
  for (const [key, value] of Object.entries(given as JsonObject)) {
    if (value === null) out.delete(key);
    else out.set(key, mergedByTheBook(out.get(key), value as Json));
  }
  return Object.fromEntries(out);
}

const mergePatch = patch(
  'merge-patch',
  [{ metadata: { labels: { a: null, z: 'y' }, annotations: null }, spec: { containers: [], x: { y: { z: null } } } }, { __proto__x: { constructor: 1 } }],
  (given) => applyMergePatch(POD, given) as JsonObject,
  (given, patched) => assert.deepEqual(patched, mergedByTheBook(POD, given)),
);

const strategicPatch = patch(
  'strategic-patch',
  [
    {
      spec: {
        containers: [
          { name: 'c', image: 'j', env: [{ name: 'B', value: '' }] },
          { $patch: 'delete', name: 'd' },
        ],
      },
    },
    { spec: { '$setElementOrder/containers': [{ name: 'd' }, { name: 'c' }], containers: [{ name: 'c', ports: [{ $patch: 'replace' }] }] } },
    {
      metadata: { '$deleteFromPrimitiveList/finalizers': ['x/y'], labels: { $patch: 'replace', z: '1' } },
      spec: { volumes: [{ name: 'v', $retainKeys: ['name', 'hostPath'], hostPath: { path: '/' } }] },
    },
  ],
  (given) => applyStrategicMerge(builtinFacts, 'core.v1.Pod', POD, given) as JsonObject,
);

const APPLYING = { facts: builtinFacts, typeName: 'core.v1.Pod', apiVersion: 'v1', subresource: '', nowMs: 0, force: true };
const APPLIED = applyPatch({ ...APPLYING, manager: 'other', live: undefined, liveManaged: [], patch: POD });

const apply: Target = {
  name: 'apply',
  seeds: [
    { spec: { containers: [{ name: 'c', image: 'j', env: [{ name: 'B', value: '' }] }] } },
    {
      metadata: { labels: { a: 'c', z: '' }, finalizers: ['x/y', 'x/z'] },
      spec: { volumes: [], tolerations: [{ key: 'k' }, { key: 'k', effect: 'NoExecute' }] },
    },
    { spec: { containers: [{ name: 'c', ports: [{ containerPort: 80, protocol: 'UDP' }, { containerPort: 80 }] }] } },
  ].map((each) => JSON.stringify({ apiVersion: 'v1', kind: 'Pod', ...each })),
  shape: jsonShape,
  // A patch that is no such object is a 500 elsewhere too.
  refuses: (thrown) => thrown instanceof StatusError && (thrown.code < 500 || /^failed to create typed patch object/.test(thrown.message)),
  run(input) {
    const given = parsed(input);
    if (typeof given !== 'object' || given === null || Array.isArray(given)) return;
    const request = { ...APPLYING, manager: 'm', patch: deepFreeze(given as JsonObject) };
    const once = applyPatch({ ...request, live: APPLIED.object as JsonObject, liveManaged: APPLIED.managedFields });
    // What was applied is applied: once more changes nothing.
    const live = deepFreeze(structuredClone(once.object)) as JsonObject;
    const twice = applyPatch({ ...request, live, liveManaged: once.managedFields });
    assert.deepEqual([twice.changed, twice.object], [false, once.object]);
    assert.deepEqual(twice.managedFields, once.managedFields);
  },
};

const managedFields: Target = {
  name: 'managed-fields',
  seeds: [
    JSON.stringify(APPLIED.managedFields),
    '[{"manager":"a","operation":"Update","apiVersion":"v1","time":"2030-01-01T00:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{".":{},"k:{\\"name\\":\\"c\\"}":{},"v:\\"x\\"":{},"i:0":{}}}}]',
  ],
  words: ['"f:', '"k:{', '"v:', '"i:', '".":{}'],
  shape: jsonShape,
  refuses: never,
  run(input) {
    const given = parsed(input);
    if (given === undefined) return;
    const read = decode(builtinFacts, 'core.v1.Pod', { metadata: { managedFields: given } });
    if (read.fault !== undefined) return;
    const entries = (read.object.metadata as { readonly managedFields?: readonly ManagedFieldsEntry[] }).managedFields ?? [];
    const managers = decodeManagers(entries);
    if (managers === undefined) return;
    const written = encodeManagers(managers);
    assert.deepEqual(encodeManagers(decodeManagers(written) ?? new Map()), written);
  },
};

/** What any body goes through before it is an object. */
const object: Target = {
  name: 'object',
  seeds: [POD, CRD, LEASE, SECRET, WEB].map((each) => JSON.stringify(each)),
  shape: jsonShape,
  refuses: never,
  run(input) {
    const given = parsed(input);
    if (typeof given !== 'object' || given === null || Array.isArray(given)) return;
    const { apiVersion, kind } = given as JsonObject;
    const typeName = typeNameOf(builtinFacts, registry, String(apiVersion), String(kind)) ?? 'core.v1.Pod';
    const decoded = decode(builtinFacts, typeName, given as JsonObject);
    if (decoded.fault !== undefined) return;
    // What was accepted once is accepted again, unchanged.
    const again = decode(builtinFacts, typeName, JSON.parse(JSON.stringify(decoded.object)) as JsonObject);
    assert.equal(again.fault, undefined);
    if (again.fault === undefined) assert.deepEqual(again.object, decoded.object);
  },
};

export const BODIES: readonly Target[] = [json, yaml, protobuf, object, jsonPatch, mergePatch, strategicPatch, apply, managedFields];
