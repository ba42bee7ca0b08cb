import type { Kind } from '../../api/kind.ts';
import { formatApiVersion, type JsonObject, type KubeObject } from '../../machinery/object.ts';
import { keyTail, resourcePrefix } from './keys.ts';

/** A served kind tied to the place where its objects are stored. */
export interface Binding {
  /** The version that is asked for. */
  readonly kind: Kind;
  /** The version that is stored; the same value where there is only one. */
  readonly stored: Kind;
  readonly apiVersion: string;
  readonly storedApiVersion: string;
  /** `/registry/apps/deployments/`. */
  readonly prefix: string;
  /** The stored bytes can be written out under this kind: only the head differs. */
  readonly direct: boolean;
}

/** All kinds that are served, by path. Kinds made at run time are added and removed the same way as the built-in ones. */
export class Registry {
  readonly #byVersion = new Map<string, Map<string, Binding>>();
  readonly #byPrefix = new Map<string, Kind>();
  readonly #byKind = new Map<string, Binding>();
  /** Versions whose field selectors have names of their own (events.k8s.io), by prefix. */
  readonly #otherFields = new Map<string, Kind>();
  #revision = 0;

  constructor(kinds: readonly Kind[]) {
    // Storage versions first, so that the others find them.
    for (const kind of kinds) if (isStorage(kind)) this.#byPrefix.set(prefixOf(kind), kind);
    for (const kind of kinds) this.add(kind);
  }

  /** Raised whenever a kind comes or goes: what discovery shows is made anew. */
  get revision(): number {
    return this.#revision;
  }

  add(kind: Kind): Binding {
    this.#revision++;
    const prefix = prefixOf(kind);
    const stored = this.#byPrefix.get(prefix) ?? kind;
    if (stored === kind) this.#byPrefix.set(prefix, kind);
    const apiVersion = formatApiVersion(kind);
    const binding: Binding = {
      kind,
      stored,
      apiVersion,
      storedApiVersion: formatApiVersion(stored),
      prefix,
      direct: stored === kind || kind.convert === undefined,
    };
    const versions = this.#byVersion.get(apiVersion) ?? new Map<string, Binding>();
    versions.set(kind.resource, binding);
    this.#byVersion.set(apiVersion, versions);
    this.#byKind.set(`${apiVersion}/${kind.kind}`, binding);
    if (!binding.direct && kind.selectableFields !== undefined) this.#otherFields.set(prefix, kind);
    return binding;
  }

  remove(kind: Kind): void {
    this.#revision++;
    const apiVersion = formatApiVersion(kind);
    const versions = this.#byVersion.get(apiVersion);
    versions?.delete(kind.resource);
    if (versions?.size === 0) this.#byVersion.delete(apiVersion);
    this.#byKind.delete(`${apiVersion}/${kind.kind}`);
    const prefix = prefixOf(kind);
    if (this.#byPrefix.get(prefix) === kind) this.#byPrefix.delete(prefix);
    if (this.#otherFields.get(prefix) === kind) this.#otherFields.delete(prefix);
  }

  /** Whether any resource of the version is served. */
  serves(apiVersion: string): boolean {
    return this.#byVersion.has(apiVersion);
  }

  servesGroup(group: string): boolean {
    return [...this.#byVersion.keys()].some((apiVersion) => apiVersion.startsWith(`${group}/`));
  }

  find(apiVersion: string, resource: string): Binding | undefined {
    return this.#byVersion.get(apiVersion)?.get(resource);
  }

  findKind(apiVersion: string, kind: string): Binding | undefined {
    return this.#byKind.get(`${apiVersion}/${kind}`);
  }

  /** The kind stored under a group and resource (its storage version). */
  stored(group: string, resource: string): Kind | undefined {
    return this.#byPrefix.get(resourcePrefix(group, resource));
  }

  /** The values that field selectors of any served version may ask for. `body`: in the storage version. */
  selectableFields(prefix: string, body: KubeObject): Readonly<Record<string, string>> | undefined {
    const own = this.#byPrefix.get(prefix)?.selectableFields?.(body);
    const other = this.#otherFields.get(prefix);
    if (other?.convert === undefined) return own;
    const converted = other.convert.fromStorage(body as unknown as JsonObject) as unknown as KubeObject;
    return { ...own, ...other.selectableFields?.(converted) };
  }

  /** The kind whose objects have this key prefix. */
  storedAt(prefix: string): Kind | undefined {
    return this.#byPrefix.get(prefix);
  }

  kinds(): readonly Kind[] {
    return [...this.#byVersion.values()].flatMap((versions) => [...versions.values()].map(({ kind }) => kind));
  }
}

const isStorage = (kind: Kind): boolean => kind.storage.group === kind.group && kind.storage.version === kind.version;
const prefixOf = (kind: Kind): string => resourcePrefix(kind.storage.group, kind.resource);

export function objectKey(binding: Binding, namespace: string, name: string): string {
  return binding.prefix + keyTail(binding.kind.namespaced ? namespace : '', name);
}
