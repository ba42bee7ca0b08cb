import { type FileHandle, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import type { AuditSink } from '../apiserver/audit/trail.ts';
import { type AuditPolicy, readAuditPolicy } from '../apiserver/audit/policy.ts';
import type { Clock } from '../base/clock.ts';
import { failure, type Log } from '../base/log.ts';
import { formatFieldError } from '../machinery/field-error.ts';
import type { JsonObject } from '../machinery/object.ts';
import { parseYaml } from '../schema/yaml.ts';
import { type Shape, shapeFaults } from './config-shape.ts';

export interface AuditLogOptions {
  readonly file: string;
  /** A file that would grow beyond it is put aside. 0: never. */
  readonly maxBytes: number;
  /** So many files that were put aside are kept. 0: all. */
  readonly maxBackups: number;
  /** Files that were put aside longer ago are removed, at a start and whenever another is put aside. 0: never. */
  readonly maxAgeMs: number;
  /** What waits to be written, at most; events beyond are dropped and counted. Default 16 MiB. */
  readonly maxQueuedBytes?: number;
  readonly clock: Clock;
  readonly log: Log;
}

const TEXTS: Shape = { listOf: 'text' };
const RULE: Shape = {
  fields: {
    level: 'text',
    users: TEXTS,
    userGroups: TEXTS,
    verbs: TEXTS,
    resources: { listOf: { fields: { group: 'text', resources: TEXTS, resourceNames: TEXTS } } },
    namespaces: TEXTS,
    nonResourceURLs: TEXTS,
    omitStages: TEXTS,
    omitManagedFields: 'flag',
  },
};
const POLICY: Shape = {
  fields: { apiVersion: 'text', kind: 'text', metadata: 'any', rules: { listOf: RULE }, omitStages: TEXTS, omitManagedFields: 'flag' },
};

const MAX_QUEUED_BYTES = 16 * 1024 * 1024;

/** Throws one line that names the file, the field and the remedy. */
export async function readAuditPolicyFile(file: string): Promise<AuditPolicy> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new Error(`--audit-policy ${file} can't be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  });
  const parsed = await parseYaml(text);
  if (parsed.fault !== undefined) throw new Error(`--audit-policy ${file}: ${parsed.fault}`);
  const faults = shapeFaults(parsed.value, POLICY);
  if (faults.length > 0) throw new Error(`--audit-policy ${file}: ${faults.map(formatFieldError).join('; ')}`);
  return readAuditPolicy(parsed.value, (field, what) => new Error(`--audit-policy ${file}: ${field}: ${what}`));
}

async function openFile(file: string): Promise<FileHandle> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  return open(file, 'a', 0o600);
}

/** Events as lines of JSON in a file that only its owner reads. Writing is behind, in batches; a full disk drops events, never requests. */
export class AuditLog implements AuditSink, AsyncDisposable {
  readonly #options: AuditLogOptions;
  readonly #maxQueued: number;
  #file: FileHandle;
  #size: number;
  #queue: string[] = [];
  #queuedBytes = 0;
  #writing: Promise<void> | undefined;
  #failing = false;
  #written = 0;
  #dropped = 0;

  private constructor(options: AuditLogOptions, file: FileHandle, size: number) {
    this.#options = options;
    this.#maxQueued = options.maxQueuedBytes ?? MAX_QUEUED_BYTES;
    this.#file = file;
    this.#size = size;
  }

  static async open(options: AuditLogOptions): Promise<AuditLog> {
    const file = await openFile(options.file).catch((cause: unknown) => {
      throw new Error(`--audit-log ${options.file} can't be written: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    });
    const log = new AuditLog(options, file, (await file.stat()).size);
    await log.#removeOld();
    return log;
  }

  get written(): number {
    return this.#written;
  }

  get dropped(): number {
    return this.#dropped;
  }

  write(event: JsonObject): void {
    const line = `${JSON.stringify(event)}\n`;
    if (this.#queuedBytes + line.length > this.#maxQueued) return this.#drop(1, undefined);
    this.#queue.push(line);
    this.#queuedBytes += line.length;
    this.#writing ??= this.#drain();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    await this.#file.close();
  }

  async #drain(): Promise<void> {
    // What comes in one turn is written together.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const lines = this.#queue;
      this.#queue = [];
      try {
        await this.#append(lines);
        this.#written += lines.length;
        this.#failing = false;
      } catch (thrown) {
        this.#drop(lines.length, thrown);
      }
      this.#queuedBytes = this.#queue.reduce((sum, { length }) => sum + length, 0);
    }
    // In the same step as the last look: what comes after it begins a drain of its own.
    this.#writing = undefined;
  }

  async #append(lines: readonly string[]): Promise<void> {
    const { maxBytes } = this.#options;
    let part: Buffer[] = [];
    let size = 0;
    for (const line of lines) {
      const bytes = Buffer.from(line);
      if (maxBytes > 0 && this.#size + size > 0 && this.#size + size + bytes.byteLength > maxBytes) {
        await this.#flush(part, size);
        await this.#rotate();
        part = [];
        size = 0;
      }
      part.push(bytes);
      size += bytes.byteLength;
    }
    await this.#flush(part, size);
  }

  async #flush(part: readonly Buffer[], size: number): Promise<void> {
    if (size === 0) return;
    await this.#file.appendFile(Buffer.concat(part));
    this.#size += size;
  }

  /** `audit.log` becomes `audit-2026-11-21T02-31-32.123.log`; the oldest beyond the bound go. */
  async #rotate(): Promise<void> {
    const { file, clock } = this.#options;
    const extension = extname(file);
    const stem = basename(file, extension);
    let aside = '';
    const taken = new Set(await readdir(dirname(file)));
    for (let atMs = clock.now(); ; atMs++) {
      aside = `${stem}-${new Date(atMs).toISOString().replaceAll(':', '-').slice(0, 23)}${extension}`;
      if (!taken.has(aside)) break;
    }
    await this.#file.close();
    try {
      await rename(file, join(dirname(file), aside));
    } finally {
      this.#file = await open(file, 'a', 0o600);
      this.#size = (await this.#file.stat()).size;
    }
    await this.#removeOld();
  }

  /** By the time in their names: too old, or too many. */
  async #removeOld(): Promise<void> {
    const { file, clock, maxBackups, maxAgeMs } = this.#options;
    const extension = extname(file);
    const stem = basename(file, extension);
    const aside = (await readdir(dirname(file)))
      .filter((name) => name.startsWith(`${stem}-`) && name.endsWith(extension))
      .map((name) => ({ name, atMs: timeOf(name.slice(stem.length + 1, name.length - extension.length)) }))
      .filter(({ atMs }) => !Number.isNaN(atMs))
      .sort((a, b) => b.atMs - a.atMs);
    const isOld = ({ atMs }: { readonly atMs: number }): boolean => maxAgeMs > 0 && clock.now() - atMs > maxAgeMs;
    const old = aside.filter((each, at) => isOld(each) || (maxBackups > 0 && at >= maxBackups));
    for (const { name } of old) await rm(join(dirname(file), name), { force: true });
  }

  /** Said once, until it works again. */
  #drop(events: number, cause: unknown): void {
    this.#dropped += events;
    if (this.#failing) return;
    this.#failing = true;
    this.#options.log.error('audit events are dropped', cause === undefined ? { cause: 'more comes than can be written' } : failure(cause));
  }
}

/** `2026-11-21T02-31-32.123`, UTC; NaN for what is no such time. */
function timeOf(text: string): number {
  const [date = '', time = ''] = text.split('T');
  return Date.parse(`${date}T${time.replaceAll('-', ':')}Z`);
}
