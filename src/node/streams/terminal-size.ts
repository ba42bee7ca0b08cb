/** Reads sizes from a resize channel: JSON documents `{"Width":80,"Height":24}`, one after another. Anything else is skipped. */
export class TerminalSizes {
  #text = '';

  *parse(bytes: Uint8Array): Generator<{ readonly width: number; readonly height: number }> {
    this.#text += Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
    for (let end = this.#text.indexOf('}'); end >= 0; end = this.#text.indexOf('}')) {
      const document = this.#text.slice(0, end + 1);
      this.#text = this.#text.slice(end + 1);
      const size = readSize(document);
      if (size !== undefined) yield size;
    }
    // No size is longer: what does not end is not one.
    if (this.#text.length > 256) this.#text = '';
  }
}

function readSize(document: string): { readonly width: number; readonly height: number } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(document);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { Width: width, Height: height } = value as { readonly Width?: unknown; readonly Height?: unknown };
  return isCells(width) && isCells(height) ? { width, height } : undefined;
}

function isCells(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 0xffff;
}
