import type { FileHandle } from 'node:fs/promises';

/** Where a regular file's bytes lie inside a tar file. */
export interface TarEntry {
  readonly offset: number;
  readonly sizeBytes: number;
}

export class TarError extends Error {
  override readonly name = 'TarError';
}

const BLOCK = 512;
/** Of names and extended headers, which are held in memory. */
const LONGEST_EXTENSION_BYTES = 1024 * 1024;
const MOST_ENTRIES = 100_000;

/**
 * The regular files of a tar archive (POSIX ustar and pax, GNU long names) by name, without leading `./`. Reads headers only.
 * Hard and symbolic links to a file of the archive stand for it. Throws TarError when it is no tar or is cut short.
 */
export async function readTarIndex(file: FileHandle, fileSizeBytes: number): Promise<Map<string, TarEntry>> {
  const entries = new Map<string, TarEntry>();
  const links: { readonly from: string; readonly to: string }[] = [];
  const header = Buffer.alloc(BLOCK);
  let long: { path?: string; link?: string; size?: number } = {};
  let count = 0;
  let at = 0;
  for (;;) {
    const { bytesRead } = await file.read(header, 0, BLOCK, at);
    // An archive should end with two empty blocks; some writers leave them out.
    if (bytesRead === 0 && count > 0) break;
    if (bytesRead < BLOCK) throw new TarError(count === 0 ? 'is not a tar file' : `is cut short at byte ${at + bytesRead}`);
    if (isZero(header)) {
      if (count === 0) throw new TarError('is an empty tar file');
      break;
    }
    if (!checksumFits(header)) throw new TarError(count === 0 ? 'is not a tar file' : `has a broken header at byte ${at}`);
    if (++count > MOST_ENTRIES) throw new TarError(`has more than ${MOST_ENTRIES} entries`);
    const type = String.fromCharCode(header[156] as number);
    const size = type === 'x' || type === 'g' || type === 'L' || type === 'K' ? number(header, 124, 12) : (long.size ?? number(header, 124, 12));
    const offset = at + BLOCK;
    const next = offset + Math.ceil(size / BLOCK) * BLOCK;
    if (!Number.isSafeInteger(size) || size < 0) throw new TarError(`has a broken size at byte ${at}`);
    if (offset + size > fileSizeBytes) throw new TarError(`is cut short: an entry ends at byte ${offset + size}, the file at ${fileSizeBytes}`);
    if (type === 'x' || type === 'L' || type === 'K') {
      if (size > LONGEST_EXTENSION_BYTES) throw new TarError(`has an extended header of ${size} bytes`);
      const body = Buffer.alloc(size);
      await file.read(body, 0, size, offset);
      if (type === 'x') long = { ...long, ...paxRecords(body) };
      else if (type === 'L') long.path = string(body, 0, size);
      else long.link = string(body, 0, size);
    } else if (type !== 'g') {
      const name = clean(long.path ?? ustarName(header));
      if (type === '0' || type === '\0' || type === '7') entries.set(name, { offset, sizeBytes: size });
      else if (type === '1') links.push({ from: name, to: clean(long.link ?? string(header, 157, 100)) });
      else if (type === '2') links.push({ from: name, to: beside(name, long.link ?? string(header, 157, 100)) });
      long = {};
    }
    at = next;
  }
  for (const { from, to } of links) {
    const entry = entries.get(to);
    if (entry !== undefined) entries.set(from, entry);
  }
  return entries;
}

function isZero(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}

/** The sum of all bytes, with the checksum field itself taken as spaces. */
function checksumFits(header: Buffer): boolean {
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 0x20 : (header[i] as number);
  return sum === number(header, 148, 8);
}

/** Octal text, or GNU's base-256 when the top bit is set. NaN when it is neither. */
function number(block: Buffer, at: number, length: number): number {
  const first = block[at] as number;
  if ((first & 0x80) !== 0) {
    let value = first & 0x7f;
    for (let i = 1; i < length; i++) value = value * 256 + (block[at + i] as number);
    return value;
  }
  const digits = string(block, at, length).trim();
  if (digits === '') return 0;
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}

function string(block: Buffer, at: number, length: number): string {
  const end = block.indexOf(0, at);
  return block.toString('utf8', at, end < 0 || end > at + length ? at + length : end);
}

function ustarName(header: Buffer): string {
  const name = string(header, 0, 100);
  const prefix = header.toString('latin1', 257, 263) === 'ustar\0' ? string(header, 345, 155) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

/** Records `length key=value\n`, the length counting itself. */
function paxRecords(body: Buffer): { path?: string; link?: string; size?: number } {
  const found: { path?: string; link?: string; size?: number } = {};
  for (let at = 0; at < body.length; ) {
    const space = body.indexOf(0x20, at);
    const length = space < 0 ? Number.NaN : Number(body.toString('latin1', at, space));
    if (!Number.isInteger(length) || length < 5 || at + length > body.length) break;
    const record = body.toString('utf8', space + 1, at + length - 1);
    const equals = record.indexOf('=');
    const value = record.slice(equals + 1);
    switch (record.slice(0, equals)) {
      case 'path':
        found.path = value;
        break;
      case 'linkpath':
        found.link = value;
        break;
      case 'size':
        found.size = Number(value);
        break;
      default:
    }
    at += length;
  }
  return found;
}

function clean(name: string): string {
  return name
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
}

/** A symbolic link's target, as a name in the archive. */
function beside(name: string, target: string): string {
  const parts = target.startsWith('/') ? [] : name.split('/').slice(0, -1);
  for (const part of target.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}
