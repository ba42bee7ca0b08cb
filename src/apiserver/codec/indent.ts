/**
 * Indents JSON as it passes, two blanks a level: what `JSON.stringify(value, null, 2)` prints, without ever having the value. The
 * JSON has no blanks between its tokens; it may come in pieces that end anywhere.
 */
export class JsonIndent {
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** An object or array has been opened, and nothing has come yet: empty ones stay on their line. */
  #opened = false;
  #out = Buffer.allocUnsafe(64 * 1024);
  #length = 0;

  push(piece: string | Uint8Array): Buffer {
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece;
    this.#length = 0;
    // Texts are copied as they stand, with their quotes.
    for (let at = 0; at < bytes.length; ) at = this.#inString ? this.#text(bytes, at) : this.#token(bytes, at);
    return Buffer.from(this.#out.subarray(0, this.#length));
  }

  /** Copies to the end of the text or of the piece. */
  #text(bytes: Uint8Array, from: number): number {
    let at = from;
    for (; at < bytes.length; at++) {
      const c = bytes[at];
      if (this.#escaped) this.#escaped = false;
      else if (c === 0x5c) this.#escaped = true;
      else if (c === 0x22) {
        this.#inString = false;
        at++;
        break;
      }
    }
    this.#room(at - from);
    this.#out.set(bytes.subarray(from, at), this.#length);
    this.#length += at - from;
    return at;
  }

  #token(bytes: Uint8Array, at: number): number {
    const c = bytes[at] as number;
    const closes = c === 0x7d || c === 0x5d;
    if (closes) this.#depth--;
    if (this.#opened ? !closes : closes) this.#line();
    this.#opened = c === 0x7b || c === 0x5b;
    if (this.#opened) this.#depth++;
    if (c === 0x22) this.#inString = true;
    this.#room(2);
    this.#out[this.#length++] = c;
    if (c === 0x3a) this.#out[this.#length++] = 0x20;
    else if (c === 0x2c) this.#line();
    return at + 1;
  }

  #line(): void {
    const blanks = 2 * this.#depth;
    this.#room(1 + blanks);
    this.#out[this.#length] = 0x0a;
    this.#out.fill(0x20, this.#length + 1, this.#length + 1 + blanks);
    this.#length += 1 + blanks;
  }

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#out.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#out.length * 2, this.#length + bytes));
    larger.set(this.#out.subarray(0, this.#length));
    this.#out = larger;
  }
}
