import type { Mount } from './host.ts';

/** /proc/self/mountinfo, proc(5): spaces, tabs, newlines and backslashes come as octal. Lines it can't read are left out. */
export function parseMountinfo(text: string): readonly Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split('\n')) {
    const mount = parseLine(line);
    if (mount !== undefined) mounts.push(mount);
  }
  return mounts;
}

function parseLine(line: string): Mount | undefined {
  const fields = line.split(' ');
  const dash = fields.indexOf('-', 6);
  if (dash === -1) return undefined;
  const [id, parentId, device, root, target, options] = fields;
  const [type, source, superOptions] = fields.slice(dash + 1);
  if (id === undefined || parentId === undefined || device === undefined || root === undefined || target === undefined || options === undefined)
    return undefined;
  if (type === undefined || source === undefined) return undefined;
  return {
    id: Number(id),
    parentId: Number(parentId),
    device,
    root: unescapeOctal(root),
    target: unescapeOctal(target),
    options: options.split(','),
    propagation: propagation(fields.slice(6, dash)),
    type,
    source: unescapeOctal(source),
    superOptions: (superOptions ?? '').split(','),
  };
}

function propagation(tags: readonly string[]): Mount['propagation'] {
  if (tags.some((tag) => tag.startsWith('shared:'))) return 'shared';
  if (tags.some((tag) => tag.startsWith('master:'))) return 'slave';
  return tags.includes('unbindable') ? 'unbindable' : 'private';
}

function unescapeOctal(text: string): string {
  if (!text.includes('\\')) return text;
  // Escapes are bytes; names are UTF-8, whose other bytes stand unescaped.
  return text.replace(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** Whether `path` is `directory` or lies below it. Both absolute and normal. */
export function isAtOrBelow(path: string, directory: string): boolean {
  return path === directory || directory === '/' || path.startsWith(`${directory}/`);
}

/** What unmounting everything at or below `path` goes through: deepest first, later mounts before those they cover. */
export function mountsBelow(mounts: readonly Mount[], path: string): readonly Mount[] {
  return mounts.filter((mount) => isAtOrBelow(mount.target, path)).reverse();
}
