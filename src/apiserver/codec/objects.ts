import type { Kind } from '../../api/kind.ts';
import { formatApiVersion, type JsonObject, type KubeObject, type ManagedFieldsEntry } from '../../machinery/object.ts';
import { deepFreeze } from '../../machinery/record.ts';
import type { Steps } from '../../schema/steps.ts';
import { defined } from '../../base/assert.ts';
import type { Binding, Registry } from '../registry/registry.ts';
import { splitKey } from '../registry/keys.ts';
import type { Projection, StoredEntry } from './projection.ts';
import { sharing } from './share.ts';
import { managedText, parseBody, parseManaged, parseManagedSteps, withHead } from './record.ts';

const MOST_MODELS = 128;
/** Of smaller ones too little is the same. */
const LEAST_SHARED_BYTES = 1024;

/**
 * One frozen object per revision, shared by whoever reads it in process (law 4): made by the write path or parsed when first
 * asked for, without managedFields, in the storage version. Kept within a bound on the bytes that they were parsed from; after that
 * it is found again for as long as anybody keeps it, as informers do, and else parsed again.
 */
export class ObjectCache {
  readonly #registry: Registry;
  readonly #maxBytes: number;
  /** A ring: in order of arrival. */
  #kept: ({ readonly projection: Projection; readonly bytes: number } | undefined)[] = [];
  #oldest = 0;
  #bytes = 0;
  /** The last one of each family; those asked for first go first. */
  readonly #models = new Map<string, KubeObject>();

  constructor(registry: Registry, maxBytes = 2 * 1024 * 1024) {
    this.#registry = registry;
    this.#maxBytes = maxBytes;
  }

  /** With kind, apiVersion (storage version) and resourceVersion; without managedFields. */
  of(entry: StoredEntry): KubeObject {
    const { projection } = entry;
    const known = held(projection);
    if (projection.version === entry.modRevision && known !== undefined) return known;
    if (known === undefined) projection.version = 0;
    const kind = this.#kindOf(entry.key);
    const body = known ?? parseBody(entry.value, projection);
    if (entry.value.byteLength >= LEAST_SHARED_BYTES) this.#share(entry, body);
    deepFreeze(body);
    const object = freezeWhole(withHead(body, kind.kind, formatApiVersion(kind), entry.modRevision === 0 ? '' : String(entry.modRevision)));
    // The last state of what was deleted goes to those who are told of it now; others find the state before.
    if (projection.version !== 0) return object;
    projection.object = object;
    projection.version = entry.modRevision;
    if (known === undefined) this.#keep(projection, entry.value.byteLength);
    return object;
  }

  /** Takes the writer's own body, which nobody changes any more, so that the first reader need not parse. Its version is known when it is committed. */
  remember(projection: Projection, body: KubeObject, bytes: number): void {
    projection.object = body;
    projection.version = 0;
    this.#keep(projection, bytes);
  }

  /** The same in another version of the kind. */
  as(entry: StoredEntry, binding: Binding): KubeObject {
    const stored = this.of(entry);
    if (binding.kind === binding.stored) return stored;
    return convertFromStorage(stored, binding);
  }

  /** As clients see it: with managedFields. Not shared. */
  full(entry: StoredEntry, binding: Binding): KubeObject {
    return withManaged(this.as(entry, binding), this.managed(entry));
  }

  /** The same only to be written out: neither kept nor frozen, so that a long list does not push out what others read again and again. */
  passing(entry: StoredEntry, binding: Binding): KubeObject {
    return passing(entry, binding, bodyOf(entry), this.managed(entry));
  }

  /** And in several turns of the loop, for a large one. */
  async passingInTurns(entry: StoredEntry, binding: Binding, yieldToLoop: () => Promise<void>): Promise<KubeObject> {
    await yieldToLoop();
    const body = bodyOf(entry);
    await yieldToLoop();
    const managed = JSON.parse(managedText(entry.value, entry.projection) || '[]') as readonly ManagedFieldsEntry[];
    await yieldToLoop();
    return passing(entry, binding, body, managed);
  }

  /** Reads a large one, in steps: whoever asks for it then finds it read. */
  *readSteps({ value, projection }: StoredEntry): Steps<void> {
    const known = held(projection);
    if (known !== undefined && projection.version !== 0) return;
    // Its writer has left it unfrozen.
    const body = known ?? parseBody(value, projection);
    yield;
    deepFreeze(body);
    yield;
    if (held(projection) === undefined) this.remember(projection, body, value.byteLength);
  }

  managedSteps({ value, projection }: StoredEntry): Steps<readonly ManagedFieldsEntry[]> {
    return parseManagedSteps(value, projection);
  }

  managed(entry: StoredEntry): readonly ManagedFieldsEntry[] {
    return parseManaged(entry.value, entry.projection);
  }

  /** Takes from the last one of the same owner, or of the namespace, what is the same there. */
  #share({ key, projection }: StoredEntry, body: KubeObject): void {
    const family = `${splitKey(key).prefix} ${body.metadata?.ownerReferences?.[0]?.uid ?? projection.namespace}`;
    const model = this.#models.get(family);
    if (model !== undefined) sharing(body, model);
    else if (this.#models.size >= MOST_MODELS) this.#models.delete(this.#models.keys().next().value as string);
    this.#models.set(family, body);
  }

  #kindOf(key: string): Kind {
    return defined(this.#registry.storedAt(splitKey(key).prefix), `the kind of ${key}`);
  }

  #keep(projection: Projection, bytes: number): void {
    this.#kept.push({ projection, bytes });
    this.#bytes += bytes;
    while (this.#bytes > this.#maxBytes && this.#oldest < this.#kept.length - 1) this.#dropOldest();
    if (this.#oldest > 4096 && this.#oldest * 2 > this.#kept.length) {
      this.#kept = this.#kept.slice(this.#oldest);
      this.#oldest = 0;
    }
  }

  #dropOldest(): void {
    const kept = this.#kept[this.#oldest];
    this.#kept[this.#oldest++] = undefined;
    if (kept === undefined) return;
    const { projection, bytes } = kept;
    this.#bytes -= bytes;
    const whole = projection.version === 0 ? undefined : held(projection);
    projection.object = whole === undefined ? undefined : new WeakRef(whole);
  }
}

const held = ({ object }: Projection): KubeObject | undefined => (object instanceof WeakRef ? object.deref() : object);

const bodyOf = ({ value, projection }: StoredEntry): KubeObject => held(projection) ?? parseBody(value, projection);

function passing(
  { modRevision }: StoredEntry,
  { kind, stored, apiVersion }: Binding,
  body: KubeObject,
  managedFields: readonly ManagedFieldsEntry[],
): KubeObject {
  const version = modRevision === 0 ? '' : String(modRevision);
  const { convert } = kind;
  const inStorage = (): JsonObject => withHead(body, stored.kind, formatApiVersion(stored), version) as unknown as JsonObject;
  const converted = kind === stored || convert === undefined ? body : (convert.fromStorage(inStorage()) as unknown as KubeObject);
  const object = withHead(converted, kind.kind, apiVersion, version);
  return managedFields.length === 0 ? object : { ...object, metadata: { ...object.metadata, managedFields } };
}

export function convertFromStorage(stored: KubeObject, binding: Binding): KubeObject {
  const converted = binding.kind.convert === undefined ? stored : (binding.kind.convert.fromStorage(stored as never) as KubeObject);
  return freezeWhole(withHead(converted, binding.kind.kind, binding.apiVersion, stored.metadata?.resourceVersion ?? ''));
}

export function withManaged(object: KubeObject, managedFields: readonly ManagedFieldsEntry[]): KubeObject {
  if (managedFields.length === 0) return object;
  return freezeWhole({ ...object, metadata: { ...object.metadata, managedFields } });
}

/** Only the parts that are new; what is below has been frozen by whoever made it. */
function freezeWhole<T extends KubeObject>(object: T): T {
  Object.freeze(object.metadata);
  return Object.freeze(object);
}
