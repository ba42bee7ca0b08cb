/** Keys of stored objects: `/registry/GROUP/RESOURCE/[NAMESPACE/]NAME`, the core group as `core`. */
export function resourcePrefix(group: string, resource: string): string {
  return `/registry/${group === '' ? 'core' : group}/${resource}/`;
}

/** What follows a resource's prefix; `namespace` is empty for cluster-scoped kinds. */
export function keyTail(namespace: string, name: string): string {
  return namespace === '' ? name : `${namespace}/${name}`;
}

/** Where the prefix of a key ends: after the third segment. */
export function splitKey(key: string): { readonly prefix: string; readonly tail: string } {
  let at = 0;
  for (let slashes = 0; slashes < 4 && at !== -1; slashes++) at = key.indexOf('/', slashes === 0 ? 0 : at + 1);
  return at === -1 ? { prefix: key, tail: '' } : { prefix: key.slice(0, at + 1), tail: key.slice(at + 1) };
}
