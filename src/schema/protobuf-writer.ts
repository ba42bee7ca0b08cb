/** Writes protobuf's wire format: texts, booleans and messages in messages, which is all that OpenAPI needs. */
export class ProtobufWriter {
  readonly #encoder = new TextEncoder();
  #buffer = new Uint8Array(1024);
  #length = 0;

  /** Empty texts are left out, as proto3 does, unless they are elements of a list. */
  text(number: number, value: string, always = false): void {
    if (value === '' && !always) return;
    this.#varint((number << 3) | 2);
    const most = value.length * 3;
    this.#room(most + 5);
    // The length stands before the bytes: leave the room that it needs when all is ASCII, and move when it is not.
    const start = this.#length + varintLength(value.length);
    const { written } = this.#encoder.encodeInto(value, this.#buffer.subarray(start));
    const shift = varintLength(written) - varintLength(value.length);
    if (shift > 0) this.#buffer.copyWithin(start + shift, start, start + written);
    this.#varint(written);
    this.#length += written;
  }

  bool(number: number, value: boolean): void {
    if (!value) return;
    this.#varint(number << 3);
    this.#varint(1);
  }

  /** Empty messages are written: their being there says something. */
  message(number: number, write: (inner: this) => void): void {
    this.#varint((number << 3) | 2);
    const at = this.#length;
    this.#room(5);
    this.#length += 1;
    write(this);
    const size = this.#length - at - 1;
    const extra = varintLength(size) - 1;
    this.#room(extra);
    if (extra > 0) this.#buffer.copyWithin(at + 1 + extra, at + 1, at + 1 + size);
    this.#length = at;
    this.#varint(size);
    this.#length += size;
  }

  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }

  #varint(value: number): void {
    this.#room(5);
    let rest = value;
    while (rest > 127) {
      this.#buffer[this.#length++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.#buffer[this.#length++] = rest;
  }

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(this.#buffer.length * 2, this.#length + bytes));
    larger.set(this.#buffer);
    this.#buffer = larger;
  }
}

const varintLength = (value: number): number => (value < 128 ? 1 : value < 16384 ? 2 : value < 2097152 ? 3 : value < 268435456 ? 4 : 5);
