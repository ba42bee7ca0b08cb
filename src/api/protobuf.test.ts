import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatApiVersion, type JsonObject } from '../machinery/object.ts';
import { decode } from '../schema/decode.ts';
import { decodeProtobufObject, ProtobufError } from '../schema/protobuf-decode.ts';
import { encodeProtobufObject } from '../schema/protobuf-encode.ts';
import { builtinFacts } from './facts.ts';
import { builtinKinds } from './registry.ts';

/** Kinds of the registry, and the body of the one subresource that kubectl asks for here. */
function typeNameOf(apiVersion: string, kind: string): string | undefined {
  if (kind === 'TokenRequest') return 'authentication.v1.TokenRequest';
  return builtinKinds().find((k) => k.kind === kind && formatApiVersion(k) === apiVersion)?.typeName;
}

const readBody = (bytes: Uint8Array): JsonObject => decodeProtobufObject(builtinFacts, bytes, typeNameOf);
const canonical = (raw: JsonObject): ReturnType<typeof decode> => decode(builtinFacts, typeNameOf(String(raw.apiVersion), String(raw.kind)) ?? '', raw);

/** A body as kubectl 1.32 sent it. */
function recorded(name: string): Uint8Array {
  return Buffer.from(readFileSync(join(import.meta.dirname, 'testdata/kubectl-1.32', `${name}.pb.base64`), 'utf8'), 'base64');
}

function read(name: string): JsonObject {
  const decoded = canonical(readBody(recorded(name)));
  assert.ok('object' in decoded, JSON.stringify(decoded));
  assert.deepEqual(decoded.unknownFields, []);
  return decoded.object;
}

test('kubectl create configmap: __proto__ is a key like any other', () => {
  const object = read('create-configmap');
  assert.equal(JSON.stringify(object.data), '{"__proto__":"kept","color":"blue"}');
  assert.equal(object.kind, 'ConfigMap');
  assert.equal(object.apiVersion, 'v1');
  assert.equal((object.metadata as JsonObject).name, 'settings');
});

test('kubectl create deployment', () => {
  const { apiVersion, kind, spec } = read('create-deployment') as { apiVersion: string; kind: string; spec: JsonObject };
  assert.deepEqual([apiVersion, kind], ['apps/v1', 'Deployment']);
  assert.deepEqual(spec, {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    strategy: {},
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ image: 'busybox:1.36', name: 'busybox', ports: [{ containerPort: 80 }], resources: {} }] },
    },
  });
});

test('kubectl create secret: bytes are base64', () => {
  assert.deepEqual(read('create-secret').data, { password: 'czNjcmV0' });
});

test('kubectl create namespace, create token, auth can-i', () => {
  assert.equal((read('create-namespace').metadata as JsonObject).name, 'team-a');
  assert.equal((read('create-token').spec as JsonObject).expirationSeconds, 1200);
  const { resourceAttributes } = read('auth-can-i').spec as JsonObject;
  assert.deepEqual(resourceAttributes, { namespace: 'default', verb: 'create', resource: 'pods' });
});

test('what was read is written back as the same object', () => {
  for (const name of ['create-configmap', 'create-deployment', 'create-secret', 'create-namespace', 'create-token', 'auth-can-i']) {
    const object = read(name);
    const bytes = encodeProtobufObject(builtinFacts, typeNameOf(String(object.apiVersion), String(object.kind)) ?? '', object);
    const decoded = canonical(readBody(bytes));
    assert.ok('object' in decoded);
    assert.deepEqual(decoded.object, object, name);
  }
});

test('truncated and foreign bodies give one clear error', () => {
  const whole = recorded('create-deployment');
  for (let length = 4; length < whole.length; length++) {
    // An envelope cut between two of its fields is whole again, but has no kind or no object.
    try {
      readBody(whole.subarray(0, length));
    } catch (thrown) {
      assert.ok(thrown instanceof ProtobufError, `cut at ${length}: ${String(thrown)}`);
    }
  }
  assert.throws(() => readBody(whole.subarray(0, 100)), /unexpected EOF/);
  assert.throws(() => readBody(new TextEncoder().encode('{"kind":"Pod"}')), /expected prefix \[107 56 115 0\]/);
});
