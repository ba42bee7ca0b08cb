/**
 * A strict walk over JSON text that keeps no values: it says whether the text is JSON, in the words of Go's scanner, and which
 * object keys come twice. Slow next to JSON.parse, so it runs only when there is something to say. Not recursive: depth costs
 * memory in proportion, never the stack.
 */
export interface ScanReport {
  /** `invalid character 'x' looking for beginning of value`; absent: the text is JSON, and no number in it is beyond a double. */
  readonly fault?: string;
  /** `spec.containers[0].name`, in order of appearance, at most 100. */
  readonly duplicates: readonly string[];
}

interface Level {
  /** Keys seen in an object; undefined for an array. */
  readonly keys: Map<string, boolean> | undefined;
  index: number;
  key: string;
  /** How long the path to it is. */
  readonly before: number;
}

/** Of the path, what a level adds. */
const segmentLength = ({ keys, index, key, before }: Level): number => (keys === undefined ? `[${index}]`.length : key.length + (before === 0 ? 0 : 1));

const MAX_REPORTED = 100;

class ScanFault extends Error {}

export function scanJson(text: string, maxDepth: number): ScanReport {
  const scanner = new Scanner(text, maxDepth);
  try {
    scanner.run();
    return { duplicates: scanner.duplicates };
  } catch (error) {
    if (error instanceof ScanFault) return { fault: error.message, duplicates: scanner.duplicates };
    throw error;
  }
}

/** A key that something is to be said about. */
export interface NotedKey {
  readonly path: string;
  /** It stands twice, and here for the second time. */
  readonly again: boolean;
}

/** Where in the text these stand, and what stands twice beside them, in order, each once; nothing within them. At most 100. The text is JSON. */
export function notedKeys(text: string, maxDepth: number, unknown: readonly string[]): readonly NotedKey[] {
  const wanted = new Set(unknown);
  // A path is long to make: most keys are told apart by its length.
  const lengths = new Set(unknown.map(({ length }) => length));
  const noted = new Map<string, NotedKey>();
  let within: number | undefined;
  const onKey: OnKey = ({ path, length, depth, again }) => {
    if (noted.size >= MAX_REPORTED || (within !== undefined && depth > within)) return;
    within = undefined;
    if (!again && !lengths.has(length)) return;
    const here = path();
    const known = !wanted.has(here);
    if (!known) within = depth;
    if ((again || !known) && !noted.has(here)) noted.set(here, { path: here, again: known });
  };
  new Scanner(text, maxDepth, onKey).run();
  return [...noted.values()];
}

interface KeyPlace {
  readonly path: () => string;
  /** Of the path. */
  readonly length: number;
  readonly depth: number;
  /** It stands in its object for the second time. */
  readonly again: boolean;
}

type OnKey = (place: KeyPlace) => void;

class Scanner {
  readonly duplicates: string[] = [];
  readonly #onKey: OnKey | undefined;
  readonly #text: string;
  readonly #maxDepth: number;
  readonly #levels: Level[] = [];
  #at = 0;

  constructor(text: string, maxDepth: number, onKey?: OnKey) {
    this.#onKey = onKey;
    this.#text = text;
    this.#maxDepth = maxDepth;
  }

  run(): void {
    this.#value();
    while (this.#levels.length > 0) this.#step();
    this.#space();
    if (this.#at < this.#text.length) throw this.#unexpected('after top-level value');
  }

  /** What follows inside the innermost object or array. */
  #step(): void {
    const level = this.#levels.at(-1) as Level;
    const first = level.index < 0;
    const close = level.keys === undefined ? ']' : '}';
    this.#space();
    const char = this.#text.charAt(this.#at);
    if (char === close) {
      this.#at++;
      this.#levels.pop();
      return;
    }
    if (!first) {
      if (char !== ',') throw this.#unexpected(level.keys === undefined ? 'after array element' : 'after object key:value pair');
      this.#at++;
    }
    level.index++;
    if (level.keys !== undefined) this.#key(level, level.keys);
    this.#value();
  }

  #key(level: Level, keys: Map<string, boolean>): void {
    this.#space();
    if (this.#text.charAt(this.#at) !== '"') throw this.#unexpected('looking for beginning of object key string');
    const start = this.#at;
    this.#string();
    level.key = JSON.parse(this.#text.slice(start, this.#at)) as string;
    const reported = keys.get(level.key);
    this.#onKey?.({ path: () => this.#path(), length: level.before + segmentLength(level), depth: this.#levels.length, again: reported === false });
    if (reported === undefined) keys.set(level.key, false);
    else if (!reported && this.duplicates.length < MAX_REPORTED) {
      keys.set(level.key, true);
      this.duplicates.push(this.#path());
    }
    this.#space();
    if (this.#text.charAt(this.#at) !== ':') throw this.#unexpected('after object key');
    this.#at++;
  }

  #value(): void {
    this.#space();
    const char = this.#text.charAt(this.#at);
    if (char === '{' || char === '[') {
      this.#at++;
      if (this.#levels.length >= this.#maxDepth) throw new ScanFault('exceeded max depth');
      const outer = this.#levels.at(-1);
      const before = outer === undefined ? 0 : outer.before + segmentLength(outer);
      this.#levels.push({ keys: char === '{' ? new Map() : undefined, index: -1, key: '', before });
    } else if (char === '"') this.#string();
    else if (char === '-' || (char >= '0' && char <= '9')) this.#number();
    else if (char === 't') this.#literal('true');
    else if (char === 'f') this.#literal('false');
    else if (char === 'n') this.#literal('null');
    else throw this.#unexpected('looking for beginning of value');
  }

  #string(): void {
    const text = this.#text;
    this.#at++;
    for (;;) {
      const code = text.charCodeAt(this.#at);
      if (Number.isNaN(code)) throw this.#unexpected('in string literal');
      if (code === 0x22) break;
      if (code < 0x20) throw this.#unexpected('in string literal');
      if (code === 0x5c) this.#escape();
      else this.#at++;
    }
    this.#at++;
  }

  #escape(): void {
    this.#at++;
    const char = this.#text.charAt(this.#at);
    if (char === 'u') {
      for (let i = 0; i < 4; i++) {
        this.#at++;
        if (!/^[0-9a-fA-F]$/.test(this.#text.charAt(this.#at))) throw this.#unexpected('in \\u hexadecimal character escape');
      }
    } else if (char === '' || !'"\\/bfnrt'.includes(char)) throw this.#unexpected('in string escape code');
    this.#at++;
  }

  #number(): void {
    const start = this.#at;
    this.#digitsOfNumber();
    const text = this.#text.slice(start, this.#at);
    if (!Number.isFinite(Number(text))) throw new ScanFault(`json: cannot unmarshal number ${text} into Go value of type float64`);
  }

  #digitsOfNumber(): void {
    if (this.#text.charAt(this.#at) === '-') this.#at++;
    if (this.#text.charAt(this.#at) === '0') this.#at++;
    else if (!this.#digits()) throw this.#unexpected('in numeric literal');
    if (this.#text.charAt(this.#at) === '.') {
      this.#at++;
      if (!this.#digits()) throw this.#unexpected('after decimal point in numeric literal');
    }
    const char = this.#text.charAt(this.#at);
    if (char !== 'e' && char !== 'E') return;
    this.#at++;
    const sign = this.#text.charAt(this.#at);
    if (sign === '+' || sign === '-') this.#at++;
    if (!this.#digits()) throw this.#unexpected('in exponent of numeric literal');
  }

  #digits(): boolean {
    const start = this.#at;
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (!(code >= 0x30 && code <= 0x39)) return this.#at > start;
      this.#at++;
    }
  }

  #literal(word: string): void {
    for (let i = 0; i < word.length; i++, this.#at++) {
      if (this.#text.charAt(this.#at) !== word.charAt(i)) throw this.#unexpected(`in literal ${word} (expecting '${word.charAt(i)}')`);
    }
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at++;
    }
  }

  #unexpected(where: string): ScanFault {
    const code = this.#text.codePointAt(this.#at);
    if (code === undefined) return new ScanFault('unexpected end of JSON input');
    return new ScanFault(`invalid character ${quoteCharacter(code)} ${where}`);
  }

  #path(): string {
    let path = '';
    for (const { keys, key, index } of this.#levels) {
      if (keys === undefined) path += `[${index}]`;
      else path += path === '' ? key : `.${key}`;
    }
    return path;
  }
}

/** Go's quoting of one character. */
function quoteCharacter(code: number): string {
  if (code === 0x27) return "'\\''";
  if (code === 0x22) return "'\"'";
  const text = JSON.stringify(String.fromCodePoint(code)).slice(1, -1);
  return `'${text.startsWith('\\u00') ? `\\x${text.slice(4)}` : text}'`;
}
