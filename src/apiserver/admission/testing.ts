import { builtinKinds } from '../../api/registry.ts';
import type { Resource } from '../../api/resource.ts';
import { defined } from '../../base/assert.ts';
import type { DraftObject, KubeObject } from '../../machinery/object.ts';
import type { AdmissionOperation, AdmissionPlugin, AdmissionRequest, StoredReader } from '../stages.ts';

/** For tests of this folder: a cluster that is a list of objects, and requests built from few words. */
export interface StoredObject {
  readonly resource: Resource;
  readonly object: KubeObject;
}

export function readerOf(objects: readonly StoredObject[]): StoredReader {
  const of = (group: string, resource: string): KubeObject[] =>
    objects.filter((each) => each.resource.group === group && each.resource.resource === resource).map(({ object }) => object);
  return {
    get: (group, resource, namespace, name) => of(group, resource).find(({ metadata }) => metadata?.name === name && (metadata.namespace ?? '') === namespace),
    fieldValues: (group, resource, field) =>
      of(group, resource).map((object) => ({ namespace: object.metadata?.namespace ?? '', name: object.metadata?.name ?? '', value: textAt(object, field) })),
    list: (group, resource, namespace) => of(group, resource).filter(({ metadata }) => namespace === undefined || metadata?.namespace === namespace),
    watch: () => ({ [Symbol.dispose]: () => {} }),
  };
}

/** `spec.nodeName` of an object; '' when it is not set. */
function textAt(object: KubeObject, field: string): string {
  const found = field
    .split('.')
    .reduce<unknown>((at, step) => (typeof at === 'object' && at !== null ? Object.entries(at).find(([key]) => key === step)?.[1] : undefined), object);
  return typeof found === 'string' ? found : '';
}

export const stored = (resource: Resource, name: string, rest: object = {}, namespace?: string): StoredObject => ({
  resource,
  object: {
    metadata: { name, uid: `uid-${name}`, ...(namespace === undefined ? {} : { namespace }), ...('metadata' in rest ? (rest.metadata as object) : {}) },
    ...without(rest),
  },
});

function without(rest: object): object {
  const { metadata: _, ...others } = rest as { metadata?: unknown };
  return others;
}

export interface RequestParts {
  readonly operation?: AdmissionOperation;
  readonly resource: Resource;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly user?: string;
  readonly groups?: readonly string[];
  readonly object?: object;
  readonly old?: object;
  readonly options?: AdmissionRequest['options'];
  readonly objects?: readonly StoredObject[];
  readonly nowMs?: number;
}

export interface TestedRequest extends AdmissionRequest {
  readonly warnings: readonly string[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly updates: readonly KubeObject[];
}

export function requestOf(parts: RequestParts): TestedRequest {
  const { resource, object, old } = parts;
  const kind = defined(
    builtinKinds().find((each) => each.group === resource.group && each.version === resource.version && each.resource === resource.resource),
    resource.resource,
  );
  const warnings: string[] = [];
  const annotations: Record<string, string> = {};
  const updates: KubeObject[] = [];
  const metadata = (object as KubeObject | undefined)?.metadata ?? (old as KubeObject | undefined)?.metadata;
  return {
    operation: parts.operation ?? 'CREATE',
    kind,
    resource: resource.resource,
    subresource: parts.subresource ?? '',
    namespace: parts.namespace ?? metadata?.namespace ?? (resource.namespaced ? 'default' : ''),
    name: parts.name ?? metadata?.name ?? '',
    user: { name: parts.user ?? 'ann', groups: parts.groups ?? ['system:authenticated'] },
    object: object === undefined ? undefined : (structuredClone(object) as DraftObject),
    old: old as KubeObject | undefined,
    options: parts.options ?? {},
    dryRun: false,
    reader: readerOf(parts.objects ?? []),
    nowMs: parts.nowMs ?? 0,
    warn: (text) => warnings.push(text),
    annotate: (key, value) => {
      annotations[key] = value;
    },
    alsoUpdate: ({ object: written }) => updates.push(written as KubeObject),
    warnings,
    annotations,
    updates,
  };
}

/** Runs one plugin as the server does: the draft afterwards, or the message of the refusal. */
export async function run(plugin: AdmissionPlugin, request: AdmissionRequest): Promise<DraftObject | string> {
  if (plugin.handles?.(request) === false) return request.object ?? {};
  try {
    await plugin.admit?.(request);
    await plugin.validate?.(request);
  } catch (thrown) {
    if (thrown instanceof Error) return thrown.message;
    throw thrown;
  }
  return request.object ?? {};
}
