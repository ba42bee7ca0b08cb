import { formatFieldError } from './field-error.ts';
import { EVERYTHING, keyFaults, type Operator, type Requirement, requirementFaults, type Selector } from './labels.ts';

/** The grammar of `?labelSelector=` and of `kubectl -l`. */
type Token =
  | { readonly kind: 'word'; readonly text: string }
  | { readonly kind: 'symbol'; readonly text: string }
  | { readonly kind: 'end'; readonly text: '' };

const SPECIAL = new Set(['=', '!', '(', ')', ',', '>', '<']);
const SPACE = new Set([' ', '\t', '\r', '\n']);
const MAX_LENGTH = 64 * 1024;

class SelectorFault extends Error {}

/** The selector, or the fault in Kubernetes' words. Empty text selects everything. */
export function parseSelector(text: string): Selector | { readonly fault: string } {
  if (text.length > MAX_LENGTH) return { fault: `label selector is longer than ${MAX_LENGTH} characters` };
  try {
    const requirements = new Parser(tokens(text)).parse();
    return requirements.length === 0 ? EVERYTHING : { requirements };
  } catch (error) {
    if (error instanceof SelectorFault) return { fault: error.message };
    throw error;
  }
}

function tokens(text: string): readonly Token[] {
  const out: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text.charAt(at);
    if (SPACE.has(char)) {
      at++;
      continue;
    }
    if (SPECIAL.has(char)) {
      const pair = text.slice(at, at + 2);
      const symbol = pair === '==' || pair === '!=' ? pair : char;
      out.push({ kind: 'symbol', text: symbol });
      at += symbol.length;
      continue;
    }
    const start = at;
    while (at < text.length && !SPECIAL.has(text.charAt(at)) && !SPACE.has(text.charAt(at))) at++;
    out.push({ kind: 'word', text: text.slice(start, at) });
  }
  return out;
}

const END: Token = { kind: 'end', text: '' };
const found = (token: Token, expected: string): SelectorFault => new SelectorFault(`found '${token.text}', expected: ${expected}`);

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(all: readonly Token[]) {
    this.#tokens = all;
  }

  parse(): readonly Requirement[] {
    const out: Requirement[] = [];
    while (this.#peek().kind !== 'end') {
      const start = this.#peek();
      if (start.kind !== 'word' && !isSymbol(start, '!')) throw found(start, "!, identifier, or 'end of string'");
      out.push(this.#guarded(() => checked(this.#requirement())));
      const next = this.#next();
      if (next.kind === 'end') break;
      if (next.text !== ',' || next.kind !== 'symbol') throw found(next, "',' or 'end of string'");
      const after = this.#peek();
      if (after.kind !== 'word' && !(after.kind === 'symbol' && after.text === '!')) throw found(after, "identifier after ','");
    }
    return out.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  }

  #guarded<T>(parse: () => T): T {
    try {
      return parse();
    } catch (error) {
      if (error instanceof SelectorFault) throw new SelectorFault(`unable to parse requirement: ${error.message}`);
      throw error;
    }
  }

  #requirement(): Requirement {
    const first = this.#next();
    const negated = first.kind === 'symbol' && first.text === '!';
    const key = negated ? this.#next() : first;
    if (key.kind !== 'word') throw found(key, 'identifier');
    const [fault] = keyFaults(key.text);
    // No path leads to a key that stands in a text; Go says so.
    if (fault !== undefined) throw new SelectorFault(formatFieldError({ ...fault, field: '<nil>' }));
    const next = this.#peek();
    if (negated) return { key: key.text, operator: '!', values: [] };
    if (next.kind === 'end' || (next.kind === 'symbol' && next.text === ',')) return { key: key.text, operator: 'exists', values: [] };
    const operator = this.#operator();
    const values = operator === 'in' || operator === 'notin' ? this.#set() : [this.#exact()];
    return { key: key.text, operator, values };
  }

  #operator(): Operator {
    const token = this.#next();
    const known = OPERATORS.get(token.text);
    if (known === undefined) throw found(token, 'in, notin, =, ==, !=, gt, lt');
    return known;
  }

  /** The text after `=`: it may be empty, as in `a=,b=c`. */
  #exact(): string {
    const token = this.#peek();
    if (token.kind === 'end' || (token.kind === 'symbol' && token.text === ',')) return '';
    if (token.kind !== 'word') throw found(token, 'identifier');
    this.#at++;
    return token.text;
  }

  #set(): readonly string[] {
    const open = this.#next();
    if (!isSymbol(open, '(')) throw new SelectorFault(`found '${open.text}' expected: '('`);
    const values = new Set<string>();
    for (let isFirst = true; ; isFirst = false) {
      const token = this.#next();
      if (token.kind === 'word') {
        values.add(token.text);
        const after = this.#next();
        if (isSymbol(after, ')')) break;
        if (!isSymbol(after, ',')) throw found(after, "',' or ')'");
      } else if (isSymbol(token, ',')) {
        values.add('');
        if (isSymbol(this.#peek(), ')')) {
          this.#at++;
          break;
        }
      } else if (isSymbol(token, ')')) {
        values.add('');
        break;
      } else {
        throw found(token, isFirst ? "',', ')' or identifier" : "',', or identifier");
      }
    }
    return [...values].sort();
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? END;
  }

  #next(): Token {
    const token = this.#peek();
    this.#at++;
    return token;
  }
}

function checked(requirement: Requirement): Requirement {
  const faults = requirementFaults(requirement).map(formatFieldError);
  if (faults.length > 0) throw new SelectorFault(faults.length === 1 ? String(faults[0]) : `[${faults.join(', ')}]`);
  return requirement;
}

const isSymbol = (token: Token, text: string): boolean => token.kind === 'symbol' && token.text === text;

const OPERATORS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ['in', 'in'],
  ['notin', 'notin'],
  ['=', '='],
  ['==', '='],
  ['!=', '!='],
  ['>', 'gt'],
  ['<', 'lt'],
]);
