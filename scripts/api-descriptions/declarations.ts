/** One declaration: its members, and what is written about those that have a comment; under '' about the declaration itself. */
export interface Prose {
  readonly members: ReadonlySet<string>;
  readonly texts: ReadonlyMap<string, string>;
}

/**
 * Reads the doc comments of the first interface or class of a generated `.d.ts` file. `file`: its text, as the TypeScript compiler
 * prints it (a member a line, four spaces in). `unescape` undoes what its generator did to hide what would end a comment or a string.
 */
export function readDeclaration(file: string, unescape: (text: string) => string): Prose | undefined {
  const members = new Set<string>();
  const texts = new Map<string, string>();
  let inside = false;
  let comment: string[] | undefined;
  let last = '';
  for (const line of file.split('\n')) {
    if (comment !== undefined) {
      if (/^\s*\*\/\s*$/.test(line)) {
        last = comment.join('\n').trim();
        comment = undefined;
      } else comment.push(line.replace(/^\s*\* ?/, ''));
      continue;
    }
    if (/^\s*\/\*\*\s*$/.test(line)) {
      comment = [];
      continue;
    }
    const name = inside ? /^ {4}(?:'([^']+)'|"([^"]+)"|([\w$]+))\??:/.exec(line) : undefined;
    if (name !== null && name !== undefined) {
      const member = name[1] ?? name[2] ?? name[3] ?? '';
      members.add(member);
      if (last !== '') texts.set(member, unescape(last));
    } else if (!inside && /^export (?:interface|declare class) /.test(line)) {
      inside = true;
      if (last !== '') texts.set('', unescape(last));
    } else if (inside && line.startsWith('}')) break;
    last = '';
  }
  return inside ? { members, texts } : undefined;
}
