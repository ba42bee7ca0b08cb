/**
 * `$(NAME)` in commands, arguments, values and subPathExpr becomes the variable's value; `$$(NAME)` is an escaped `$(NAME)`; what names
 * no variable stays as it is. API reference, Container.command.
 */
export function expand(text: string, lookup: (name: string) => string | undefined, unknown?: (name: string) => void): string {
  let out = '';
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i);
    if (c !== '$' || i + 1 === text.length) {
      out += c;
      continue;
    }
    const next = text.charAt(i + 1);
    const end = next === '(' ? text.indexOf(')', i + 2) : -1;
    if (next === '$') {
      out += '$';
      i++;
    } else if (end < 0) {
      out += '$';
    } else {
      const name = text.slice(i + 2, end);
      const value = lookup(name);
      if (value === undefined) unknown?.(name);
      out += value ?? `$(${name})`;
      i = end;
    }
  }
  return out;
}
