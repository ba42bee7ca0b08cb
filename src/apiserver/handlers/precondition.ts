import { conflict, type StatusError } from '../../machinery/status-error.ts';
import { type Binding, objectKey } from '../registry/registry.ts';

/** Where Kubernetes keeps what it does not keep under the plural of its kind, and under its group (`DefaultStorageFactory`). */
const PLACES: ReadonlyMap<string, string> = new Map([
  ['/endpoints', 'services/endpoints'],
  ['/nodes', 'minions'],
  ['/replicationcontrollers', 'controllers'],
  ['/services', 'services/specs'],
  ['networking.k8s.io/ingresses', 'ingress'],
  ['apiextensions.k8s.io/customresourcedefinitions', 'apiextensions.k8s.io/customresourcedefinitions'],
  ['apiregistration.k8s.io/apiservices', 'apiregistration.k8s.io/apiservices'],
]);

/** 409 for an object that is not the one that is meant: the message names the key under which Kubernetes would have it. */
export function preconditionFailed(
  binding: Binding,
  namespace: string,
  name: string,
  field: 'UID' | 'ResourceVersion',
  wanted: string,
  found: string,
): StatusError {
  const { group, resource } = binding.kind;
  const place = PLACES.get(`${group}/${resource}`) ?? resource;
  const key = `/registry/${place}/${objectKey(binding, namespace, name).slice(binding.prefix.length)}`;
  const why = `Precondition failed: ${field} in precondition: ${wanted}, ${field} in object meta: ${found}`;
  return conflict(binding.kind, name, `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: ${why}`);
}
