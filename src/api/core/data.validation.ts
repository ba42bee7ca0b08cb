import { type FieldError, forbidden, invalid, required, tooLong } from '../../machinery/field-error.ts';
import { utf8Length } from '../../machinery/metadata.ts';
import { configMapKeyFaults } from '../../machinery/names.ts';
import type { Json } from '../../machinery/object.ts';
import { getOwn } from '../../machinery/record.ts';
import { scanJson } from '../../schema/json-scan.ts';
import { base64Length, decodeBase64 } from '../../machinery/base64.ts';
import { addFaults, type Errors, IMMUTABLE, isEmpty, root } from '../checks.ts';
import { semanticEqual } from '../equal.ts';
import type * as core from '../gen/types/core.v1.ts';

/** Of all values of a ConfigMap or a Secret together. */
const MAX_BYTES = 1024 * 1024;

export function validateConfigMap({ data = {}, binaryData = {} }: core.ConfigMap): readonly FieldError[] {
  const errors: Errors = [];
  let bytes = 0;
  for (const [key, value] of Object.entries(data)) {
    addFaults(errors, root('data').key(key), key, configMapKeyFaults(key));
    if (Object.hasOwn(binaryData, key)) errors.push(invalid(root('data').key(key), key, 'duplicate of key present in binaryData'));
    bytes += utf8Length(value);
  }
  for (const [key, value] of Object.entries(binaryData)) {
    addFaults(errors, root('binaryData').key(key), key, configMapKeyFaults(key));
    bytes += base64Length(value);
  }
  // The path is empty: it is the object as a whole.
  if (bytes > MAX_BYTES) errors.push(tooLong(root(''), MAX_BYTES));
  return errors;
}

export function validateConfigMapUpdate(map: core.ConfigMap, old: core.ConfigMap): readonly FieldError[] {
  const errors: Errors = [];
  if (old.immutable === true) {
    if (map.immutable !== true) errors.push(forbidden(root('immutable'), 'field is immutable when `immutable` is set'));
    for (const field of ['data', 'binaryData'] as const)
      if (!semanticEqual(map[field] ?? {}, old[field] ?? {})) errors.push(forbidden(root(field), 'field is immutable when `immutable` is set'));
  }
  return [...errors, ...validateConfigMap(map)];
}

const SSH_KEY = 'ssh-privatekey';

/** Keys that a type of secrets must have. */
const KEYS_OF_TYPE: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': [SSH_KEY],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};

export function validateSecret({ type = '', data = {}, metadata }: core.Secret): readonly FieldError[] {
  const errors: Errors = [];
  let bytes = 0;
  for (const [key, value] of Object.entries(data)) {
    addFaults(errors, root('data').key(key), key, configMapKeyFaults(key));
    bytes += base64Length(value);
  }
  if (bytes > MAX_BYTES) errors.push(tooLong(root('data'), MAX_BYTES));
  if (type === 'kubernetes.io/service-account-token') {
    if (isEmpty(getOwn(metadata?.annotations, ACCOUNT))) errors.push(required(root('metadata').child('annotations').key(ACCOUNT)));
  }
  if (type === 'kubernetes.io/basic-auth' && getOwn(data, 'username') === undefined && getOwn(data, 'password') === undefined) {
    errors.push(required(root('data').key('username')), required(root('data').key('password')));
  }
  for (const key of getOwn(KEYS_OF_TYPE, type) ?? []) {
    const value = getOwn(data, key);
    if (value === undefined || (key === SSH_KEY && value === '')) errors.push(required(root('data').key(key)));
    else if (key.startsWith('.docker')) addFaults(errors, root('data').key(key), '<secret contents redacted>', objectFaults(value));
  }
  return errors;
}

const ACCOUNT = 'kubernetes.io/service-account.name';
const MAX_DEPTH = 10_000;

/** What is wrong with the JSON of an object, in Go's words. */
function objectFaults(base64: string): readonly string[] {
  const text = new TextDecoder().decode(decodeBase64(base64));
  const { fault } = scanJson(text, MAX_DEPTH);
  if (fault !== undefined) return [fault];
  const value = JSON.parse(text) as Json;
  if (typeof value === 'object' && !Array.isArray(value)) return [];
  const word = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  return [`json: cannot unmarshal ${word} into Go value of type map[string]interface {}`];
}

export function validateSecretUpdate(secret: core.Secret, old: core.Secret): readonly FieldError[] {
  const errors: Errors = [];
  if (secret.type !== old.type) errors.push(invalid(root('type'), secret.type ?? '', IMMUTABLE));
  if (old.immutable === true) {
    if (secret.immutable !== true) errors.push(forbidden(root('immutable'), 'field is immutable when `immutable` is set'));
    if (!semanticEqual(secret.data ?? {}, old.data ?? {})) errors.push(forbidden(root('data'), 'field is immutable when `immutable` is set'));
  }
  return [...errors, ...validateSecret(secret)];
}
