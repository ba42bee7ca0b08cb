/** A full image name: `registry/repository`, then a tag or a digest or both. */
export interface ImageName {
  /** `docker.io`, `localhost:5000`. */
  readonly registry: string;
  /** `library/busybox`. */
  readonly repository: string;
  /** Empty only beside a digest. */
  readonly tag: string;
  /** `sha256:…`, or empty. */
  readonly digest: string;
}

const COMPONENT = '[a-z0-9]+(?:(?:[.]|_{1,2}|-+)[a-z0-9]+)*';
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const REGISTRY = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const DIGEST = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-fA-F]{32,}$/;
const LONGEST_REPOSITORY = 255;

/**
 * Reads a name as people write it, with Docker's rules: `busybox` is `docker.io/library/busybox:latest`; what stands before the
 * first slash is a registry if it has a dot, a colon or an upper-case letter, or is `localhost`. Undefined: not an image name.
 */
export function parseImageName(text: string): ImageName | undefined {
  const at = text.indexOf('@');
  const digest = at < 0 ? '' : text.slice(at + 1);
  if (at >= 0 && !DIGEST.test(digest)) return undefined;
  let rest = at < 0 ? text : text.slice(0, at);
  let registry = 'docker.io';
  const slash = rest.indexOf('/');
  const first = rest.slice(0, slash);
  if (slash > 0 && (first === 'localhost' || /[.:A-Z]/.test(first))) {
    registry = first === 'index.docker.io' ? 'docker.io' : first;
    rest = rest.slice(slash + 1);
    if (!REGISTRY.test(registry)) return undefined;
  }
  const colon = rest.indexOf(':');
  let tag = colon < 0 ? '' : rest.slice(colon + 1);
  if (colon >= 0 && !TAG.test(tag)) return undefined;
  let repository = colon < 0 ? rest : rest.slice(0, colon);
  if (!REPOSITORY.test(repository)) return undefined;
  if (registry === 'docker.io' && !repository.includes('/')) repository = `library/${repository}`;
  if (registry.length + 1 + repository.length > LONGEST_REPOSITORY) return undefined;
  if (tag === '' && digest === '') tag = 'latest';
  return { registry, repository, tag, digest };
}

export function formatImageName({ registry, repository, tag, digest }: ImageName): string {
  return `${registry}/${repository}${tag === '' ? '' : `:${tag}`}${digest === '' ? '' : `@${digest}`}`;
}

/** `busybox:1.36` → `docker.io/library/busybox:1.36`. Undefined: not an image name. */
export function normalizeImageName(text: string): string | undefined {
  const name = parseImageName(text);
  return name === undefined ? undefined : formatImageName(name);
}

/** What is wrong with what is no image name, in the words of Docker's reference parser. */
export function invalidImageName(text: string): string {
  const lower = parseImageName(text.toLowerCase());
  const repository = text.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
  const remedy =
    lower === undefined
      ? ''
      : `: repository name (${repository.includes('/') ? repository.replace(/^[^/]*[.:][^/]*\//, '') : `library/${repository}`}) must be lowercase`;
  return `couldn't parse image name ${JSON.stringify(text)}: invalid reference format${remedy}`;
}
