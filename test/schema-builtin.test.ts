import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { builtinFacts as facts } from '../src/api/facts.ts';
import { builtinKinds } from '../src/api/registry.ts';
import type { DraftObject, Json, JsonObject, ManagedFieldsEntry } from '../src/machinery/object.ts';
import { StatusError } from '../src/machinery/status-error.ts';
import { applyPatch } from '../src/schema/apply/apply-patch.ts';
import { atomOf } from '../src/schema/apply/atom.ts';
import { fieldSetOf } from '../src/schema/apply/compare.ts';
import { decodeFields, encodeFieldsText } from '../src/schema/apply/fields-v1.ts';
import { stripped } from '../src/schema/apply/ownership.ts';
import { sameButForTimes, trackUpdate } from '../src/schema/apply/track-update.ts';
import { decode, zeroObject } from '../src/schema/decode.ts';
import { applyDefaults } from '../src/schema/default.ts';
import type { TypeRef } from '../src/schema/facts.ts';
import { applyMergePatch } from '../src/schema/merge-patch.ts';
import { applyStrategicMerge } from '../src/schema/strategic-merge.ts';

/** What the schema does with the real table of facts: every kind of Kubernetes 1.36, with random objects of it. */
const kinds = builtinKinds();

function stored(typeName: string, input: JsonObject): DraftObject {
  const decoded = decode(facts, typeName, input);
  if (decoded.fault !== undefined) throw new Error(decoded.fault);
  assert.deepEqual(decoded.unknownFields, []);
  return decoded.object;
}

const SCALARS: Readonly<Record<string, fc.Arbitrary<Json>>> = {
  string: fc.constantFrom('', 'a', 'b', '__proto__'),
  boolean: fc.boolean(),
  'integer:int32': fc.constantFrom(0, 1, -1, 80),
  'integer:int64': fc.constantFrom(0, 1, 2 ** 40),
  'number:double': fc.constantFrom(0, 0.5),
  'string:byte': fc.constantFrom('', 'YQ==', 'YWI='),
  'machinery.api.resource.Quantity': fc.constantFrom<Json>('0', '1Gi', '1024Mi', '0.5', 2),
  'machinery.meta.v1.Time': fc.constantFrom('2026-01-02T03:04:05Z', '2026-01-02T03:04:05+01:00'),
  'machinery.meta.v1.MicroTime': fc.constantFrom('2026-01-02T03:04:05.000001Z'),
  'machinery.util.intstr.IntOrString': fc.constantFrom<Json>(0, 80, '25%'),
};

/** Objects of a type, thinner the deeper they are. managedFields are the server's own. */
function arbitrary(ref: TypeRef, depth: number): fc.Arbitrary<Json> {
  if (typeof ref !== 'string') {
    if ('list' in ref) return fc.array(arbitrary(ref.list, depth + 1), { maxLength: depth > 6 ? 0 : 2 }) as fc.Arbitrary<Json>;
    return fc.dictionary(fc.constantFrom('a', 'constructor', '1'), arbitrary(ref.map, depth + 1), {
      maxKeys: depth > 6 ? 0 : 2,
      noNullPrototype: true,
    }) as fc.Arbitrary<Json>;
  }
  const scalar = SCALARS[ref];
  if (scalar !== undefined) return scalar;
  const type = facts.type(ref);
  if (type === undefined || type.scalar !== undefined) return fc.constantFrom<Json>({}, { x: 1 });
  const names = Object.keys(type.fields).filter((name) => name !== 'managedFields');
  if (depth > 7 || names.length === 0) return fc.constant({});
  return fc.subarray(names, { maxLength: depth === 0 ? names.length : Math.min(names.length, 5) }).chain((chosen) => {
    const fields = Object.fromEntries(chosen.map((name) => [name, arbitrary(type.fields[name]?.type ?? 'string', depth + 1)]));
    return fc.record(fields, { noNullPrototype: true }) as fc.Arbitrary<Json>;
  });
}

const RUNS = { numRuns: 8 };
const text = JSON.stringify;

test('every kind: the zero object is stable', () => {
  for (const { typeName } of kinds) {
    const zero = zeroObject(facts, typeName);
    assert.equal(text(stored(typeName, zero)), text(zero), typeName);
  }
});

test('every kind: decoding, defaulting and patching keep the stored form', () => {
  for (const { typeName } of kinds) {
    fc.assert(
      fc.property(arbitrary(typeName, 0), (value) => {
        const input = value as JsonObject;
        const object = stored(typeName, input);
        assert.equal(text(stored(typeName, object)), text(object));
        assert.equal(text(stored(typeName, JSON.parse(text(input)))), text(object));
        // A patch with what is there changes nothing.
        assert.equal(text(stored(typeName, applyMergePatch(object, object))), text(object));
        applyDefaults(facts, typeName, object);
        assert.deepEqual(stored(typeName, object), object);
      }),
      RUNS,
    );
  }
});

test('every kind: a strategic merge with a part of the object ends, and leaves a stored object', () => {
  for (const { typeName } of kinds) {
    fc.assert(
      fc.property(arbitrary(typeName, 0), arbitrary(typeName, 0), (value, change) => {
        const object = stored(typeName, value as JsonObject);
        try {
          stored(typeName, applyStrategicMerge(facts, typeName, object, stored(typeName, change as JsonObject)));
        } catch (error) {
          // Items without their merge key.
          if (!(error instanceof StatusError)) throw error;
        }
      }),
      { numRuns: 3 },
    );
  }
});

test('every kind: appliers own what they name', () => {
  for (const { typeName, version, group } of kinds) {
    const context = { facts, typeName, apiVersion: group === '' ? version : `${group}/${version}`, manager: 'a', subresource: '', nowMs: 0, resetFields: [] };
    fc.assert(
      fc.property(arbitrary(typeName, 0), (value) => {
        const patch = value as JsonObject;
        try {
          const { object, managedFields } = applyPatch({ ...context, live: undefined, liveManaged: [], patch, force: false });
          // Who owns nothing is not recorded; the empty key of an item is its default from then on.
          if (managedFields.length === 0 || text(patch).includes('"protocol":""')) return;
          const own = decodeFields(managedFields[0]?.fieldsV1 ?? {});
          assert.equal(encodeFieldsText(own ?? assert.fail()), encodeFieldsText(stripped(fieldSetOf(atomOf(facts, typeName), patch))));
          const again = applyPatch({ ...context, live: object, liveManaged: managedFields, patch, force: false, nowMs: 5000 });
          assert.equal(again.changed, false);
          // What is named and not stored, as an empty map, is added again, and counts as nothing: times alone are not written.
          assert.ok(sameButForTimes(again.managedFields, managedFields));
        } catch (error) {
          // Items without a key, or the same twice.
          if (!(error instanceof StatusError)) throw error;
        }
      }),
      RUNS,
    );
  }
});

const DEPLOYMENT = 'apps.v1.Deployment';
const context = { facts, typeName: DEPLOYMENT, apiVersion: 'apps/v1', subresource: '', nowMs: 0 };
const container = (name: string, more: object = {}) => ({ name, image: `${name}:1`, ports: [{ containerPort: 80 }], ...more });

test('a Deployment by kubectl create: managedFields as Kubernetes writes them', () => {
  const next = stored(DEPLOYMENT, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', labels: { app: 'web' } },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: 'web' } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ ...container('web'), env: [{ name: 'A', value: 'b' }] }], securityContext: {} },
      },
    },
  } as JsonObject);
  applyDefaults(facts, DEPLOYMENT, next);
  const [entry] = trackUpdate({ ...context, manager: 'kubectl-create', live: undefined, liveManaged: [], next });
  const labels = { 'f:labels': { '.': {}, 'f:app': {} } };
  assert.deepEqual(entry, {
    manager: 'kubectl-create',
    operation: 'Update',
    apiVersion: 'apps/v1',
    time: '1970-01-01T00:00:00Z',
    fieldsType: 'FieldsV1',
    fieldsV1: {
      'f:metadata': labels,
      'f:spec': {
        'f:replicas': {},
        'f:selector': {},
        'f:strategy': { 'f:rollingUpdate': { '.': {}, 'f:maxSurge': {}, 'f:maxUnavailable': {} }, 'f:type': {} },
        'f:template': {
          'f:metadata': labels,
          'f:spec': {
            'f:containers': {
              'k:{"name":"web"}': {
                '.': {},
                'f:env': { '.': {}, 'k:{"name":"A"}': { '.': {}, 'f:name': {}, 'f:value': {} } },
                'f:image': {},
                'f:name': {},
                'f:ports': { '.': {}, 'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {}, 'f:protocol': {} } },
                'f:resources': {},
              },
            },
            'f:securityContext': {},
          },
        },
      },
    },
  } satisfies ManagedFieldsEntry);
});

test('a Deployment under two appliers and an autoscaler', () => {
  const base = (more: object, containers: readonly object[]) =>
    ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'default' },
      spec: { ...more, selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } }, spec: { containers } } },
    }) as unknown as JsonObject;
  const first = applyPatch({
    ...context,
    manager: 'team',
    live: undefined,
    liveManaged: [],
    patch: base({ replicas: 2 }, [container('web'), container('sidecar')]),
    force: false,
  });
  const scaled = structuredClone(first.object) as DraftObject;
  (scaled.spec as DraftObject).replicas = 5;
  const afterScale = trackUpdate({ ...context, manager: 'hpa', subresource: 'scale', live: first.object, liveManaged: first.managedFields, next: scaled });
  assert.throws(
    () => applyPatch({ ...context, manager: 'team', live: scaled, liveManaged: afterScale, patch: base({ replicas: 2 }, [container('web')]), force: false }),
    (error: StatusError) => error.message === 'Apply failed with 1 conflict: conflict with "hpa" with subresource "scale" using apps/v1: .spec.replicas',
  );
  // The team gives replicas up and drops the sidecar.
  const second = applyPatch({
    ...context,
    manager: 'team',
    live: scaled,
    liveManaged: afterScale,
    patch: base({}, [container('web', { image: 'web:2' })]),
    force: false,
  });
  const spec = second.object.spec as unknown as { replicas: number; template: { spec: { containers: { name: string; image: string }[] } } };
  assert.equal(spec.replicas, 5);
  assert.deepEqual(
    spec.template.spec.containers.map(({ name, image }) => [name, image]),
    [['web', 'web:2']],
  );
  assert.deepEqual(
    second.managedFields.map(({ manager, operation, subresource }) => [manager, operation, subresource]),
    [
      ['team', 'Apply', undefined],
      ['hpa', 'Update', 'scale'],
    ],
  );
  assert.deepEqual(second.managedFields[1]?.fieldsV1, { 'f:spec': { 'f:replicas': {} } });
});
