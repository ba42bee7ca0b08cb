import { BYTES, VARINT, WireWriter } from './protobuf-wire.ts';

const NOTHING = new Uint8Array(0);

/** Writes a message field by field, from the front; the wire writer below needs the end first. */
export class ProtobufWriter {
  readonly #fields: ((out: WireWriter) => void)[] = [];

  /** Empty texts are left out, as proto3 does, unless they are elements of a list. */
  text(number: number, value: string, always = false): void {
    if (value === '' && !always) return;
    this.#fields.push((out) => {
      out.string(value);
      out.tag(number, BYTES);
    });
  }

  bool(number: number, value: boolean): void {
    if (!value) return;
    this.#fields.push((out) => {
      out.varint(1);
      out.tag(number, VARINT);
    });
  }

  /** Empty messages are written: their being there says something. */
  message(number: number, write: (inner: ProtobufWriter) => void): void {
    const inner = new ProtobufWriter();
    write(inner);
    this.#fields.push((out) => {
      const before = out.length;
      inner.#write(out);
      out.varint(out.length - before);
      out.tag(number, BYTES);
    });
  }

  /** A message of which the fields are there in bytes already. */
  encoded(number: number, parts: readonly Uint8Array[]): void {
    this.#fields.push((out) => {
      const before = out.length;
      for (let i = parts.length - 1; i >= 0; i--) out.raw(parts[i] ?? NOTHING);
      out.varint(out.length - before);
      out.tag(number, BYTES);
    });
  }

  finish(): Uint8Array {
    const out = new WireWriter();
    this.#write(out);
    return out.finish();
  }

  #write(out: WireWriter): void {
    for (let i = this.#fields.length - 1; i >= 0; i--) this.#fields[i]?.(out);
  }
}
