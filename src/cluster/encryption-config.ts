import { readFile } from 'node:fs/promises';
import type { Json, JsonObject } from '../machinery/object.ts';
import { parseYaml } from '../schema/yaml.ts';

/** What `--encryption-config` says: EncryptionConfiguration of apiserver.config.k8s.io/v1. */
export interface EncryptionRule {
  /** `secrets`, `deployments.apps`, `*.apps`, `*.` (the core group), `*.*`. */
  readonly resources: readonly string[];
  /** The first one writes, all read. */
  readonly providers: readonly EncryptionProvider[];
}

export type EncryptionProvider =
  | { readonly kind: 'identity' }
  /** The first key writes, all read. */
  | { readonly kind: 'aesgcm' | 'aescbc'; readonly keys: readonly EncryptionKey[] };

export interface EncryptionKey {
  readonly name: string;
  readonly secret: Uint8Array;
}

export class EncryptionConfigError extends Error {
  override readonly name = 'EncryptionConfigError';
}

/** Throws EncryptionConfigError, one line that names the file, the field and the remedy. */
export async function readEncryptionConfig(file: string): Promise<readonly EncryptionRule[]> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new EncryptionConfigError(`--encryption-config ${file} can't be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  });
  const parsed = await parseYaml(text);
  if (parsed.fault !== undefined) throw new EncryptionConfigError(`--encryption-config ${file}: ${parsed.fault}`);
  return encryptionRules(parsed.value, (field, what) => new EncryptionConfigError(`--encryption-config ${file}: ${field}: ${what}`));
}

type Wrong = (field: string, what: string) => Error;

export function encryptionRules(config: Json, wrong: Wrong): readonly EncryptionRule[] {
  if (!isObject(config)) throw wrong('the file', 'an EncryptionConfiguration is expected');
  if (config['kind'] !== 'EncryptionConfiguration') throw wrong('kind', 'must be EncryptionConfiguration');
  if (config['apiVersion'] !== 'apiserver.config.k8s.io/v1' && config['apiVersion'] !== 'v1') throw wrong('apiVersion', 'must be apiserver.config.k8s.io/v1');
  const resources = config['resources'];
  if (!Array.isArray(resources) || resources.length === 0) throw wrong('resources', 'at least one entry is required');
  return resources.map((rule, at) => ruleOf(rule, `resources[${at}]`, wrong));
}

function ruleOf(rule: Json, path: string, wrong: Wrong): EncryptionRule {
  const resources = isObject(rule) ? rule['resources'] : undefined;
  const providers = isObject(rule) ? rule['providers'] : undefined;
  if (!Array.isArray(resources) || resources.length === 0) throw wrong(`${path}.resources`, 'at least one resource is required');
  if (!Array.isArray(providers) || providers.length === 0) throw wrong(`${path}.providers`, 'at least one provider is required');
  return {
    resources: resources.map((name, at) => {
      if (typeof name !== 'string' || name === '' || name === '*')
        throw wrong(`${path}.resources[${at}]`, "a resource as in secrets, deployments.apps, '*.apps' or '*.*' is expected");
      return name.toLowerCase();
    }),
    providers: providers.map((provider, at) => providerOf(provider, `${path}.providers[${at}]`, wrong)),
  };
}

function providerOf(provider: Json, path: string, wrong: Wrong): EncryptionProvider {
  const [kind = '', ...more] = isObject(provider) ? Object.keys(provider) : [];
  if (!isObject(provider) || more.length > 0) throw wrong(path, 'one provider per entry is expected');
  if (kind === 'identity') return { kind };
  if (kind === 'secretbox' || kind === 'kms') throw wrong(`${path}.${kind}`, 'is not supported here; use aesgcm, aescbc or identity');
  if (kind !== 'aesgcm' && kind !== 'aescbc') throw wrong(path, 'one of aesgcm, aescbc or identity is expected');
  const settings = provider[kind];
  const keys = isObject(settings) ? settings['keys'] : undefined;
  if (!Array.isArray(keys) || keys.length === 0) throw wrong(`${path}.${kind}.keys`, 'at least one key is required');
  const read = keys.map((key, at) => keyOf(key, `${path}.${kind}.keys[${at}]`, wrong));
  const twice = read.find(({ name }, at) => read.findIndex((other) => other.name === name) !== at);
  if (twice !== undefined) throw wrong(`${path}.${kind}.keys`, `${JSON.stringify(twice.name)} is named twice`);
  return { kind, keys: read };
}

/** Keys are not repeated in messages. */
function keyOf(key: Json, path: string, wrong: Wrong): EncryptionKey {
  const name = isObject(key) ? key['name'] : undefined;
  const text = isObject(key) ? key['secret'] : undefined;
  if (typeof name !== 'string' || name === '' || name.includes(':') || name.length > 253) throw wrong(`${path}.name`, 'a name without colons is required');
  if (typeof text !== 'string' || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) throw wrong(`${path}.secret`, 'must be base64');
  const secret = new Uint8Array(Buffer.from(text, 'base64'));
  if (![16, 24, 32].includes(secret.byteLength))
    throw wrong(`${path}.secret`, `has ${secret.byteLength} bytes; 16, 24 or 32 are expected (head -c 32 /dev/urandom | base64)`);
  return { name, secret };
}

const isObject = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);
