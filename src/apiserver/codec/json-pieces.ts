/** Characters in a piece, about. */
const PIECE = 32 * 1024;

/**
 * The JSON text of a value, the same as `JSON.stringify` makes of it, in pieces of some 32,000 characters, however long its texts and
 * lists are: for answers of megabytes that are made for one client and written once.
 */
export function* jsonPieces(value: unknown): Generator<string, void> {
  let piece = '';
  for (const part of parts(value)) {
    piece += part;
    if (piece.length < PIECE) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}

function* parts(value: unknown): Generator<string, void> {
  if (sizeOf(value, PIECE) < PIECE) yield JSON.stringify(value);
  else if (typeof value === 'string') yield* textParts(value);
  else if (Array.isArray(value)) yield* itemsOf(value);
  else yield* fieldsOf(Object.entries(value as object));
}

function* itemsOf(items: readonly unknown[]): Generator<string, void> {
  let before = '[';
  for (const item of items) {
    yield before;
    yield* parts(item ?? null);
    before = ',';
  }
  yield ']';
}

function* fieldsOf(fields: readonly (readonly [string, unknown])[]): Generator<string, void> {
  let before = '{';
  for (const [name, field] of fields) {
    if (field === undefined) continue;
    yield before + JSON.stringify(name);
    yield ':';
    yield* parts(field);
    before = ',';
  }
  yield before === '{' ? '{}' : '}';
}

/** Cut between characters: the halves of a pair would be escaped when they stand alone. */
function* textParts(text: string): Generator<string, void> {
  yield '"';
  for (let from = 0; from < text.length; ) {
    const end = from + PIECE;
    const to = isHighSurrogate(text.charCodeAt(end - 1)) ? end + 1 : end;
    yield JSON.stringify(text.slice(from, to)).slice(1, -1);
    from = to;
  }
  yield '"';
}

const isHighSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdbff;

/** About how long its text is; not counted beyond `most`. */
function sizeOf(value: unknown, most: number): number {
  if (typeof value === 'string') return value.length + 2;
  if (typeof value !== 'object' || value === null) return 8;
  let size = 2;
  for (const key in value) {
    if (size >= most) break;
    size += key.length + 4 + sizeOf((value as Readonly<Record<string, unknown>>)[key], most - size);
  }
  return size;
}
