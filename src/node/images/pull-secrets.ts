import type { Secret } from '../../api/gen/types/core.v1.ts';
import type { Json } from '../../machinery/object.ts';
import { getOwn } from '../../machinery/record.ts';
import { parseImageName } from '../runtime/image-name.ts';
import type { RegistryAuth } from '../runtime/runtime.ts';

/** Names under which Docker Hub's credentials are written. */
const HUB = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);

/** The credentials for an image's registry, from secrets of type dockerconfigjson or dockercfg; the longest matching entry wins. */
export function registryAuth(image: string, secrets: readonly Secret[]): RegistryAuth | undefined {
  const repository = repositoryOf(image);
  const entries = secrets.flatMap(entriesOf).filter(({ registry }) => matches(registry, repository));
  entries.sort((a, b) => b.registry.length - a.registry.length);
  return entries[0]?.auth;
}

interface Entry {
  /** Host, perhaps with a path; without scheme. */
  readonly registry: string;
  readonly auth: RegistryAuth;
}

/** `docker.io/library/busybox`: registry and path, without tag and digest. */
function repositoryOf(image: string): string {
  const name = parseImageName(image);
  return name === undefined ? image : `${name.registry}/${name.repository}`;
}

function matches(registry: string, repository: string): boolean {
  const host = repository.split('/', 1)[0] ?? '';
  if (HUB.has(registry.split('/', 1)[0] ?? '') && host === 'docker.io') return true;
  return repository === registry || repository.startsWith(`${registry}/`);
}

function entriesOf(secret: Secret): readonly Entry[] {
  const modern = parse(getOwn(secret.data, '.dockerconfigjson'));
  const old = parse(getOwn(secret.data, '.dockercfg'));
  const auths = [field(modern, 'auths'), old];
  return auths.flatMap((map) => (isObject(map) ? Object.keys(map).flatMap((key) => entry(key, map[key])) : []));
}

function entry(key: string, value: Json | undefined): readonly Entry[] {
  const registry = key.replace(/^https?:\/\//, '').replace(/\/(v1|v2)?\/?$/, '');
  const packed = field(value, 'auth');
  const decoded = typeof packed === 'string' && packed !== '' ? Buffer.from(packed, 'base64').toString() : undefined;
  const at = decoded?.indexOf(':') ?? -1;
  const username = decoded !== undefined && at >= 0 ? decoded.slice(0, at) : field(value, 'username');
  const password = decoded !== undefined && at >= 0 ? decoded.slice(at + 1) : field(value, 'password');
  return typeof username === 'string' && typeof password === 'string' ? [{ registry, auth: { username, password } }] : [];
}

function parse(base64: string | undefined): Json | undefined {
  if (base64 === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(base64, 'base64').toString()) as Json;
  } catch {
    // A secret that can't be read gives no credentials; the pull then says what the registry thinks of that.
    return undefined;
  }
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function field(value: Json | undefined, name: string): Json | undefined {
  return isObject(value) ? getOwn(value, name) : undefined;
}
