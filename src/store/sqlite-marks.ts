import { closeSync, constants, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Gap } from './journal.ts';

/**
 * What must be known beside the database, because a WAL with one flipped bit loses its tail without a word. A file of two slots,
 * written in turn and in place: it needs no space on a full disk, and a torn write leaves the other slot.
 */
export interface Marks {
  /** Of the whole data directory. */
  readonly format: number;
  /** Revisions up to this one may have been shown. */
  readonly reserved: number;
  /** A row that was on disk when this was written: the database must have it, or a later one. */
  readonly durableRowId: number;
  /** Versions below it are not whole. */
  readonly floor: number;
  /** Where revisions went on at the last start: it may have been shown though no row has it. Absent: written by format 1. */
  readonly started?: number;
  /** What unclean ends left, in ascending order. Absent: written by format 1, for which `floor` lies above them all. */
  readonly gaps?: readonly Gap[];
  /** Written at a clean stop, absent while running. */
  readonly clean?: { readonly revision: number; readonly rowId: number } | undefined;
}

export const FORMAT = 2;

const SLOT = 4096;

interface Slot {
  readonly sequence: number;
  readonly marks: Marks;
}

export class MarksFile implements Disposable {
  readonly #fd: number;
  #sequence: number;
  #marks: Marks | undefined;

  private constructor(fd: number, newest: Slot | undefined) {
    this.#fd = fd;
    this.#sequence = newest?.sequence ?? 0;
    this.#marks = newest?.marks;
  }

  /** `synced`: false only for the suite that must catch it. */
  static open(path: string): MarksFile {
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    const slots = [readSlot(fd, 0), readSlot(fd, SLOT)].filter((slot) => slot !== undefined);
    const newest = slots.sort((a, b) => b.sequence - a.sequence)[0];
    const file = new MarksFile(fd, newest);
    if (newest === undefined) {
      // Both slots get their blocks now; the name must survive as well.
      writeSync(fd, new Uint8Array(2 * SLOT), 0, 2 * SLOT, 0);
      fsyncSync(fd);
      syncDirectory(dirname(path));
    }
    return file;
  }

  /** Undefined: never written, or both slots are broken. */
  get marks(): Marks | undefined {
    return this.#marks;
  }

  /** Durable when it returns. */
  write(marks: Marks): void {
    const sequence = this.#sequence + 1;
    const text = JSON.stringify({ sequence, marks });
    const slot = Buffer.alloc(SLOT);
    slot.writeUInt32LE(crc32(text), 0);
    slot.writeUInt32LE(slot.write(text, 8), 4);
    writeSync(this.#fd, slot, 0, SLOT, (sequence % 2) * SLOT);
    fsyncSync(this.#fd);
    this.#sequence = sequence;
    this.#marks = marks;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

export function syncDirectory(path: string): void {
  const fd = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function readSlot(fd: number, at: number): Slot | undefined {
  const slot = Buffer.alloc(SLOT);
  if (readSync(fd, slot, 0, SLOT, at) < SLOT) return undefined;
  const length = slot.readUInt32LE(4);
  if (length === 0 || length > SLOT - 8) return undefined;
  const text = slot.toString('utf8', 8, 8 + length);
  return crc32(text) === slot.readUInt32LE(0) ? (JSON.parse(text) as Slot) : undefined;
}
