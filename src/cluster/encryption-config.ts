import { readFile } from 'node:fs/promises';
import { FieldPath, type FieldError, formatFieldError, invalid, required } from '../machinery/field-error.ts';
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
  | { readonly kind: 'aesgcm' | 'aescbc' | 'secretbox'; readonly keys: readonly EncryptionKey[] }
  | { readonly kind: 'kms'; readonly name: string /** Of the plugin's socket. */; readonly socket: string; readonly timeoutMs: number };

export interface EncryptionKey {
  readonly name: string;
  readonly secret: Uint8Array;
}

export class EncryptionConfigError extends Error {
  override readonly name = 'EncryptionConfigError';
}

/** Throws EncryptionConfigError, one line that names the file and every field that is wrong, in kube-apiserver's words. Keys are not in it. */
export async function readEncryptionConfig(file: string): Promise<readonly EncryptionRule[]> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new EncryptionConfigError(`--encryption-config ${file} can't be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  });
  const parsed = await parseYaml(text);
  if (parsed.fault !== undefined) throw new EncryptionConfigError(`--encryption-config ${file}: ${parsed.fault}`);
  const { rules, errors } = encryptionRules(parsed.value);
  if (errors.length > 0) throw new EncryptionConfigError(`--encryption-config ${file}: ${errors.map(formatFieldError).join('; ')}`);
  return rules;
}

/** `rules` counts only when `errors` is empty. */
export function encryptionRules(config: Json): { readonly rules: readonly EncryptionRule[]; readonly errors: readonly FieldError[] } {
  const reader = new Reader();
  const rules = reader.configuration(config);
  return { rules, errors: reader.errors };
}

const KEY_SIZES = { aesgcm: [16, 24, 32], aescbc: [16, 24, 32], secretbox: [32] } as const;
const KEYED = ['aesgcm', 'aescbc', 'secretbox'] as const;
const KMS_TIMEOUT_MS = 3_000;
const NOT_REST = ['apiserveripinfo', 'serviceipallocations', 'servicenodeportallocations'];

/** Reads and checks at once: upstream's rules and words (apiserver validation of EncryptionConfiguration, 1.36). */
class Reader {
  readonly errors: FieldError[] = [];
  readonly #kmsNames = new Set<string>();

  configuration(config: Json): readonly EncryptionRule[] {
    const root = new FieldPath('resources');
    if (!isObject(config)) return this.#wrong(required(root, "EncryptionConfiguration can't be nil"), []);
    if (config['kind'] !== 'EncryptionConfiguration') this.errors.push(invalid(new FieldPath('kind'), config['kind'], 'must be EncryptionConfiguration'));
    if (config['apiVersion'] !== 'apiserver.config.k8s.io/v1' && config['apiVersion'] !== 'v1')
      this.errors.push(invalid(new FieldPath('apiVersion'), config['apiVersion'], 'must be apiserver.config.k8s.io/v1'));
    const { resources } = config;
    if (!Array.isArray(resources) || resources.length === 0) return this.#wrong(required(root, 'at least one resources is required'), []);
    return resources.map((rule, at) => this.#rule(isObject(rule) ? rule : {}, root.index(at)));
  }

  #rule(rule: JsonObject, path: FieldPath): EncryptionRule {
    const names = listOf(rule['resources']);
    const providers = listOf(rule['providers']);
    const [ofNames, ofProviders] = [path.child('resources'), path.child('providers')];
    if (names.length === 0) this.errors.push(required(ofNames, `at least one ${ofNames.toString()} is required`));
    if (providers.length === 0) this.errors.push(required(ofProviders, `at least one ${ofProviders.toString()} is required`));
    const resources = names.map(String);
    this.#overlap(resources, ofNames);
    for (const [at, name] of names.entries()) {
      const fault = typeof name === 'string' ? faultOfResource(name) : 'must be a string';
      if (fault !== undefined) this.errors.push(invalid(ofNames.index(at), name, fault));
    }
    return { resources, providers: providers.map((provider, at) => this.#provider(isObject(provider) ? provider : {}, ofProviders.index(at))) };
  }

  #overlap(resources: readonly string[], path: FieldPath): void {
    const parsed = resources.map(parseResource);
    const pairs = parsed.flatMap((one, at) => parsed.filter((_, other) => other !== at).map((other) => [one, other] as const));
    const isSame = pairs.some(([a, b]) => a.group === b.group && a.resource === b.resource);
    const isMasked = pairs.some(
      ([a, b]) =>
        !(a.group === b.group && a.resource === b.resource) &&
        ((a.group === '*' && a.resource === '*') || (a.group === b.group && (a.resource === '*' || b.resource === '*'))),
    );
    if (isSame) this.errors.push(invalid(path, [...resources], 'the same resource cannot be specified multiple times'));
    if (isMasked)
      this.errors.push(
        invalid(path, [...resources], "using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as they will be masked"),
      );
  }

  #provider(provider: JsonObject, path: FieldPath): EncryptionProvider {
    const kinds = ['kms', ...KEYED, 'identity'].filter((kind) => provider[kind] !== undefined && provider[kind] !== null);
    const unknown = Object.keys(provider).find((kind) => ![...KEYED, 'kms', 'identity'].includes(kind));
    const none: EncryptionProvider = { kind: 'identity' };
    if (unknown !== undefined) this.errors.push(invalid(path.child(unknown), '', `unknown field ${JSON.stringify(unknown)}`));
    if (kinds.length === 0)
      return this.#wrong(invalid(path, {}, 'provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, Identity'), none);
    if (kinds.length > 1)
      return this.#wrong(invalid(path, kinds, 'more than one provider specified in a single element, should split into different list elements'), none);
    const kind = KEYED.find((each) => each === kinds[0]);
    const settings = provider[kinds[0] ?? ''];
    if (kind !== undefined) return { kind, keys: this.#keys(settings, path.child(kind, 'keys'), KEY_SIZES[kind]) };
    return kinds[0] === 'kms' ? this.#kms(isObject(settings) ? settings : {}, path.child('kms')) : none;
  }

  #keys(settings: Json | undefined, path: FieldPath, sizes: readonly number[]): readonly EncryptionKey[] {
    const keys = isObject(settings) ? listOf(settings['keys']) : [];
    if (keys.length === 0) return this.#wrong(required(path, 'at least one keys is required'), []);
    const read = keys.map((key, at) => this.#key(isObject(key) ? key : {}, path.index(at), sizes));
    const again = read.findIndex(({ name }, at) => name !== '' && read.findIndex((other) => other.name === name) !== at);
    // Upstream takes it, and tries each: here a name says which key is still needed.
    if (again >= 0) this.errors.push(invalid(path.index(again).child('name'), read[again]?.name, 'names of keys must be unique'));
    return read;
  }

  #key(key: JsonObject, path: FieldPath, sizes: readonly number[]): EncryptionKey {
    const { name = '', secret: text = '' } = key;
    const none = { name: String(name), secret: new Uint8Array() };
    if (typeof name !== 'string' || name === '') this.errors.push(required(path.child('name'), 'name is a mandatory field for a key'));
    else if (name.includes(':') || name.length > 253)
      this.errors.push(invalid(path.child('name'), name, "must not contain ':' and be no longer than 253 characters"));
    if (typeof text !== 'string' || text === '') return this.#wrong(required(path.child('secret'), 'secret is a mandatory field for a key'), none);
    if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text.replaceAll(/[\r\n]/g, '')))
      return this.#wrong(invalid(path.child('secret'), 'REDACTED', 'secrets must be base64 encoded'), none);
    const secret = new Uint8Array(Buffer.from(text, 'base64'));
    if (!sizes.includes(secret.byteLength)) {
      const why = `secret is not of the expected length, got ${secret.byteLength}, expected one of [${sizes.join(' ')}]`;
      this.errors.push(invalid(path.child('secret'), 'REDACTED', why));
    }
    return { name: String(name), secret };
  }

  #kms(kms: JsonObject, path: FieldPath): EncryptionProvider {
    const { name = '', endpoint = '', apiVersion = 'v1', cachesize, timeout = '3s' } = kms;
    if (typeof name !== 'string' || name === '') this.errors.push(required(path.child('name'), 'name is a mandatory field for a provider'));
    else if (name.includes(':')) this.errors.push(invalid(path.child('name'), name, `invalid KMS provider name ${name}, must not contain ':'`));
    else if (this.#kmsNames.has(name)) this.errors.push(invalid(path.child('name'), name, `duplicate KMS provider name ${name}, names must be unique`));
    this.#kmsNames.add(String(name));
    const timeoutMs = durationMs(timeout);
    if (timeoutMs === undefined || timeoutMs <= 0) this.errors.push(invalid(path.child('timeout'), timeout, 'timeout should be a positive value'));
    const socket = this.#endpoint(endpoint, path.child('endpoint'));
    if (apiVersion === 'v2' && cachesize !== undefined) this.errors.push(invalid(path.child('cachesize'), cachesize, 'cachesize is not supported in v2'));
    if (apiVersion === 'v1') this.errors.push(invalid(path.child('apiVersion'), 'v1', 'KMS v1 is not supported here (deprecated since 1.28); use v2'));
    else if (apiVersion !== 'v2')
      this.errors.push(invalid(path.child('apiVersion'), apiVersion, 'unsupported apiVersion apiVersion for KMS provider, only v1 and v2 are supported'));
    return { kind: 'kms', name: String(name), socket, timeoutMs: timeoutMs ?? KMS_TIMEOUT_MS };
  }

  /** `unix:///run/kms.sock`; `unix://@name` is an abstract socket. */
  #endpoint(endpoint: Json, path: FieldPath): string {
    if (typeof endpoint !== 'string' || endpoint === '') return this.#wrong(invalid(path, '', 'endpoint is a mandatory field for a kms'), '');
    const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(endpoint)?.[1]?.toLowerCase() ?? '';
    if (scheme !== 'unix')
      return this.#wrong(invalid(path, endpoint, `unsupported scheme ${JSON.stringify(scheme)} for KMS provider, only unix is supported`), '');
    return endpoint.replace(/^unix:(?:\/\/)?/i, '');
  }

  #wrong<T>(error: FieldError, instead: T): T {
    this.errors.push(error);
    return instead;
  }
}

function faultOfResource(name: string): string | undefined {
  const { group, resource } = parseResource(name);
  if (name !== name.toLowerCase()) return 'resource name should not contain capital letters';
  if (name === '*') return "use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources";
  if (NOT_REST.includes(name)) return 'resources which do not have REST API/s cannot be encrypted';
  if (group === 'events.k8s.io') return "'*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use 'events' instead in the config file";
  if (group === 'extensions') return "'extensions' group has been removed and cannot be used for encryption";
  return group === '*' && resource !== '*' ? 'encrypting the same resource across groups is not supported' : undefined;
}

function parseResource(name: string): { readonly group: string; readonly resource: string } {
  const at = name.indexOf('.');
  return at < 0 ? { group: '', resource: name } : { group: name.slice(at + 1), resource: name.slice(0, at) };
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** `3s`, `1m30s`, `500ms`; undefined: no duration. */
function durationMs(text: Json): number | undefined {
  if (typeof text !== 'string' || !/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(text)) return undefined;
  return [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)].reduce((sum, [, amount, unit = 's']) => sum + Number(amount) * (UNITS[unit] ?? 0), 0);
}

const listOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);
const isObject = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);
