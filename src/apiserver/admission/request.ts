import type { Resource } from '../../api/resource.ts';
import type { Draft, KubeObject, Stored } from '../../machinery/object.ts';
import { forbiddenRequest, type StatusError } from '../../machinery/status-error.ts';
import type { AdmissionOperation, AdmissionRequest } from '../stages.ts';

/** How plugins look at a request: small questions, and the typed forms of what it carries. */

/** Whether it is about this very resource (not a subresource) and one of the operations. */
export function isAbout(request: AdmissionRequest, { group, resource }: Resource, ...operations: readonly AdmissionOperation[]): boolean {
  return request.resource === resource && request.kind.group === group && request.subresource === '' && operations.includes(request.operation);
}

/** The draft of a create or update, typed. The caller has made sure of the kind by `isAbout`. */
export function draftOf<T extends KubeObject>(request: AdmissionRequest, _resource: Resource<T>): Draft<T> {
  return request.object as unknown as Draft<T>;
}

/** What is stored, typed; undefined on a create. */
export function oldOf<T extends KubeObject>(request: AdmissionRequest, _resource: Resource<T>): Stored<T> | undefined {
  return request.old as unknown as Stored<T> | undefined;
}

/** `pods "x" is forbidden: WHY`, as admission refuses. A name still to be generated shows as its prefix. */
export function refuse(request: AdmissionRequest, why: string): StatusError {
  const metadata = (request.object as unknown as KubeObject | undefined)?.metadata;
  const name = request.name || metadata?.name || metadata?.generateName || 'Unknown';
  return forbiddenRequest({ group: request.kind.group, resource: request.resource }, name, why);
}
