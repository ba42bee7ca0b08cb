import type { Random } from '../../src/base/random.ts';
import type { JsonObject } from '../../src/machinery/object.ts';
import type { RawAnswer } from '../apiserver-exchange.ts';
import type { KeyState, Operation, Timed } from './checker.ts';

/** A server between its start and its death. */
export interface Life {
  readonly dead: Promise<void>;
  ask(method: string, path: string, body?: JsonObject, contentType?: string): Promise<RawAnswer>;
}

export interface Recorded extends Timed {
  readonly key: string;
}

export interface ClientOptions {
  readonly life: Life;
  readonly random: Random;
  readonly keys: number;
  readonly name: string;
  readonly record: (recorded: Recorded) => void;
}

export const MAPS = '/api/v1/namespaces/linear/configmaps';

/** One operation after the other on a few keys, until the server is dead; everything is recorded as the client saw it. */
export class Client {
  readonly #options: ClientOptions;
  readonly #known = new Map<string, number>();
  #count = 0;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    for (;;) {
      const key = `key-${this.#draw(this.#options.keys)}`;
      if (!(await this.#once(key, this.#draw(10)))) return;
    }
  }

  async readAll(): Promise<void> {
    for (let i = 0; i < this.#options.keys; i++) await this.#once(`key-${i}`, 0);
  }

  /** False: the server is dead. */
  async #once(key: string, what: number): Promise<boolean> {
    const value = `${this.#options.name}-${this.#count++}`;
    const expected = this.#known.get(key);
    if (what < 4 || (what < 7 && expected === undefined))
      return this.#step(
        key,
        () => this.#ask('GET', key),
        (answer) => ({ do: 'get', found: answer === undefined ? undefined : foundIn(answer) }),
      );
    if (what < 7 && expected !== undefined) {
      return this.#step(
        key,
        () => this.#ask('PUT', key, body(key, value, expected)),
        (answer) => ({
          do: 'update',
          value,
          expected,
          answer: answer === undefined ? 'unanswered' : answer.code === 409 ? 'conflict' : answer.code === 404 ? 'absent' : made(answer),
        }),
      );
    }
    if (what === 7)
      return this.#step(
        key,
        () => this.#ask('POST', '', body(key, value)),
        (answer) => ({ do: 'create', value, answer: answer === undefined ? 'unanswered' : answer.code === 409 ? 'exists' : made(answer) }),
      );
    if (what === 8) {
      return this.#step(
        key,
        () => this.#ask('PATCH', key, { data: { value } }, 'application/merge-patch+json'),
        (answer) => ({ do: 'patch', value, answer: answer === undefined ? 'unanswered' : answer.code === 404 ? 'absent' : made(answer) }),
      );
    }
    return this.#step(
      key,
      () => this.#ask('DELETE', key),
      (answer) => ({ do: 'delete', answer: answer === undefined ? 'unanswered' : answer.code === 404 ? 'absent' : made(answer, 'deleted') }),
    );
  }

  async #step(key: string, ask: () => Promise<RawAnswer>, describe: (answer: RawAnswer | undefined) => Operation): Promise<boolean> {
    const { record, life } = this.#options;
    const calledAt = performance.now();
    let answer: RawAnswer;
    try {
      answer = await ask();
    } catch {
      // Whatever it did, it did before the process was gone; a read that was not answered saw nothing.
      await life.dead;
      const operation = describe(undefined);
      if (operation.do !== 'get') record({ key, operation, calledAt, answeredAt: performance.now() });
      return false;
    }
    record({ key, operation: describe(answer), calledAt, answeredAt: performance.now() });
    this.#learn(key, answer);
    return true;
  }

  #learn(key: string, answer: RawAnswer): void {
    const found = answer.code === 200 || answer.code === 201 ? foundIn(answer) : undefined;
    if (found === undefined || Number.isNaN(found.rv)) this.#known.delete(key);
    else this.#known.set(key, found.rv);
  }

  #ask(method: string, name: string, sent?: JsonObject, contentType?: string): Promise<RawAnswer> {
    return this.#options.life.ask(method, name === '' ? MAPS : `${MAPS}/${name}`, sent, contentType);
  }

  #draw(below: number): number {
    return Math.floor(this.#options.random.float() * below);
  }
}

const body = (name: string, value: string, expected?: number): JsonObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...(expected === undefined ? {} : { resourceVersion: String(expected) }) },
  data: { value },
});

function foundIn({ code, text }: RawAnswer): KeyState {
  if (code === 404) return undefined;
  if (code >= 400) throw new Error(`answered ${code}: ${text}`);
  const { metadata, data } = JSON.parse(text) as { readonly metadata: { readonly resourceVersion: string }; readonly data?: { readonly value?: string } };
  return { rv: Number(metadata.resourceVersion), value: data?.value ?? '' };
}

function made(answer: RawAnswer): number;
function made<T>(answer: RawAnswer, as: T): T;
function made<T>(answer: RawAnswer, as?: T): T | number {
  if (answer.code >= 400) throw new Error(`answered ${answer.code}: ${answer.text}`);
  return as ?? (foundIn(answer)?.rv as number);
}
