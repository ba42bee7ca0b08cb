import type { KubeObject } from '../machinery/object.ts';

/** Where objects of one kind are found. `api/gen/resources.ts` has one for every served kind, typed. */
export interface Resource<T extends KubeObject = KubeObject> {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** The plural, as in paths. */
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Only for the type system; never set. */
  readonly type?: T;
}

/** `/api/v1/namespaces/NS/pods/NAME`; without a namespace or a name, the shorter forms. */
export function resourcePath(resource: Resource, namespace?: string, name?: string, subresource?: string): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const inNamespace = resource.namespaced && namespace !== undefined && namespace !== '' ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  const named = name === undefined ? '' : `/${encodeURIComponent(name)}`;
  return `${root}${inNamespace}/${resource.resource}${named}${subresource === undefined ? '' : `/${subresource}`}`;
}
