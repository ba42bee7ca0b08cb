/** Field selectors: `metadata.name=x,status.phase!=Running`. Only equality; which fields may be named is the kind's rule. */
export interface FieldRequirement {
  readonly field: string;
  readonly equal: boolean;
  readonly value: string;
}

export type FieldSelector = readonly FieldRequirement[];

/** The selector, or the fault in Kubernetes' words. `\,`, `\=` and `\\` stand for themselves. */
export function parseFieldSelector(text: string): FieldSelector | { readonly fault: string } {
  const out: FieldRequirement[] = [];
  for (const term of splitTerms(text)) {
    if (term === '') continue;
    const requirement = parseTerm(term);
    if (requirement === undefined) return { fault: `invalid selector: '${text}'; can't understand '${term}'` };
    if (typeof requirement === 'string') return { fault: requirement };
    out.push(requirement);
  }
  return out;
}

function splitTerms(text: string): readonly string[] {
  if (!text.includes('\\')) return text.split(',');
  const terms: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text.charAt(at) === '\\') at++;
    else if (text.charAt(at) === ',') {
      terms.push(text.slice(start, at));
      start = at + 1;
    }
  }
  terms.push(text.slice(start));
  return terms;
}

/** The first operator counts; a later `=` must be escaped. */
function parseTerm(term: string): FieldRequirement | string | undefined {
  for (let at = 0; at < term.length; at++) {
    for (const operator of ['!=', '==', '=']) {
      if (!term.startsWith(operator, at)) continue;
      const value = unescape(term.slice(at + operator.length));
      if (typeof value !== 'string') return value.fault;
      return { field: term.slice(0, at), equal: operator !== '!=', value };
    }
  }
  return undefined;
}

function unescape(text: string): string | { readonly fault: string } {
  if (!/[\\,=]/.test(text)) return text;
  let out = '';
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === ',' || char === '=') return { fault: `invalid field selector: unescaped character in value: ${char.charCodeAt(0)}` };
    if (char !== '\\') {
      out += char;
      continue;
    }
    const next = text.charAt(++at);
    if (next !== '\\' && next !== ',' && next !== '=') return { fault: `invalid field selector: invalid escape sequence: \\${next}` };
    out += next;
  }
  return out;
}

const escape = (value: string): string => value.replace(/[\\,=]/g, '\\$&');

export function formatFieldSelector(selector: FieldSelector): string {
  return selector.map((r) => `${r.field}${r.equal ? '=' : '!='}${escape(r.value)}`).join(',');
}

/** `valueOf` gives the field's value, '' when the object has none. */
export function matchesFields(selector: FieldSelector, valueOf: (field: string) => string): boolean {
  for (const { field, equal, value } of selector) if ((valueOf(field) === value) !== equal) return false;
  return true;
}

/** The one value that the selector demands of a field, for reads that need not scan; undefined when it demands none. */
export function requiredValue(selector: FieldSelector, field: string): string | undefined {
  return selector.find((r) => r.field === field && r.equal)?.value;
}
