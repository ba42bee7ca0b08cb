import { Worker } from 'node:worker_threads';
import type { Clock, Timer } from '../../base/clock.ts';
import type { Json } from '../../machinery/object.ts';
import { StatusError } from '../../machinery/status-error.ts';
import type { ScanReport } from '../../schema/json-scan.ts';
import { formatYaml, parseYaml, type YamlDuplicate } from '../../schema/yaml.ts';
import type { ParsedBody } from '../handlers/call.ts';

/** What the thread is asked: to read YAML, to write JSON as YAML, or to look closely at JSON. */
export type YamlQuestion = { readonly read: Uint8Array } | { readonly write: string } | { readonly scan: Uint8Array; readonly maxDepth: number };
/** What the thread answers. */
export type YamlAnswer =
  | { readonly json: string; readonly duplicates: readonly YamlDuplicate[]; readonly fault?: undefined }
  | { readonly yaml: string; readonly fault?: undefined }
  | { readonly report: ScanReport; readonly fault?: undefined }
  | { readonly fault: string };

export type YamlReader = (bytes: Uint8Array) => Promise<ParsedBody | { readonly fault: string }>;
/** Why a text is no JSON, and which keys stand in it twice. */
export type JsonScanner = (bytes: Uint8Array, maxDepth: number) => Promise<ScanReport>;
/** The JSON of one value as YAML. */
export type YamlWriter = (json: string) => Promise<string>;

/** The fault of what is more than an object may hold. */
export const TOO_MANY_VALUES = 'made of too many values';

/** Up to here reading takes a few milliseconds, less than starting a thread. */
const SMALL_BYTES = 8 * 1024;
const ANCHOR = 0x26;
const IDLE_MS = 30_000;
const WAITING = 64;
/** Of the thread's heap: who needs more is told so, and the next one has a new thread. */
const MOST_MB = 512;

interface Waiting {
  readonly question: YamlQuestion;
  readonly resolve: (answer: YamlAnswer) => void;
  readonly reject: (thrown: unknown) => void;
}

/** Reads and writes YAML, what is long in a thread that is started when needed and ended when idle. */
export class YamlThread implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #waiting: Waiting[] = [];
  #worker: Worker | undefined;
  #idle: Timer | undefined;
  #ended = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  readonly read: YamlReader = async (bytes) => {
    // What stands behind an anchor may come again and again.
    if (bytes.byteLength <= SMALL_BYTES && !bytes.includes(ANCHOR)) {
      const parsed = await parseYaml(bytes);
      return parsed.fault === undefined ? { value: parsed.value, duplicates: [], yamlDuplicates: parsed.duplicates } : { fault: parsed.fault };
    }
    const answer = await this.#ask({ read: bytes });
    if (answer.fault !== undefined) return answer;
    return 'json' in answer ? { value: JSON.parse(answer.json) as Json, duplicates: [], yamlDuplicates: answer.duplicates } : { fault: 'yaml: not read' };
  };

  readonly scan: JsonScanner = async (bytes, maxDepth) => {
    const answer = await this.#ask({ scan: bytes, maxDepth });
    return 'report' in answer ? answer.report : { fault: answer.fault ?? 'invalid JSON', duplicates: [] };
  };

  readonly write: YamlWriter = async (json) => {
    if (json.length <= SMALL_BYTES) return formatYaml(JSON.parse(json) as Json);
    const answer = await this.#ask({ write: json });
    if ('yaml' in answer) return answer.yaml;
    throw new StatusError('InternalError', `the answer could not be written as YAML: ${answer.fault ?? ''}`);
  };

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    this.#idle?.[Symbol.dispose]();
    await this.#worker?.terminate();
    this.#fail(new StatusError('ServiceUnavailable', 'the server is going down'));
  }

  #ask(question: YamlQuestion): Promise<YamlAnswer> {
    if (this.#ended || this.#waiting.length >= WAITING) {
      throw new StatusError('TooManyRequests', 'too many long texts are waiting to be read or written', { details: { retryAfterSeconds: 1 } });
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ question, resolve, reject });
      if (this.#waiting.length === 1) this.#next();
    });
  }

  #next(): void {
    const [first] = this.#waiting;
    if (first === undefined) {
      this.#idle = this.#clock.setTimer(IDLE_MS, () => this.#stop());
      return;
    }
    this.#idle?.[Symbol.dispose]();
    this.#worker ??= this.#start();
    this.#worker.postMessage(first.question);
  }

  #start(): Worker {
    const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
    const worker = new Worker(new URL(`./yaml-worker${ending}`, import.meta.url), { resourceLimits: { maxOldGenerationSizeMb: MOST_MB } });
    worker.on('message', (answer: YamlAnswer) => {
      this.#waiting.shift()?.resolve(answer);
      this.#next();
    });
    worker.on('error', (thrown) => {
      this.#worker = undefined;
      this.#fail(thrown);
    });
    worker.unref();
    return worker;
  }

  #stop(): void {
    const worker = this.#worker;
    this.#worker = undefined;
    void worker?.terminate();
  }

  #fail(thrown: unknown): void {
    for (const { reject } of this.#waiting.splice(0)) reject(thrown);
  }
}
