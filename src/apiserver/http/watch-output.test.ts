import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import type { Told } from '../watch/events.ts';
import type { FrameCache, FrameForm } from './frames.ts';
import type { AnyResponse } from './respond.ts';
import { Flusher, HttpWatchOutput, MAX_WAITING_BYTES, WRITE_BYTES } from './watch-output.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A connection that takes one write at a time, when it is let. */
class Receiver extends Writable {
  readonly writes: Buffer[] = [];
  reads: boolean;
  #taken: (() => void) | undefined;

  constructor(reads: boolean) {
    super({ highWaterMark: 16 * 1024 });
    this.reads = reads;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.writes.push(chunk);
    if (this.reads) done();
    else this.#taken = done;
  }

  readOne(): void {
    const taken = this.#taken;
    this.#taken = undefined;
    taken?.();
  }

  get text(): string {
    return Buffer.concat(this.writes).toString();
  }
}

/** Each is told as its own text. */
const textOf = (told: readonly Told[]): Buffer => Buffer.from(told.map((each) => (each as unknown as { readonly text: string }).text).join(''));
const told = (...texts: readonly string[]): readonly Told[] => texts.map((text) => ({ text }) as unknown as Told);
const form = { table: undefined } as unknown as FrameForm;

function start(receivers: readonly Receiver[]): readonly HttpWatchOutput[] {
  const flusher = new Flusher(turn);
  const joined = new Map<readonly Told[], Buffer>();
  const frames = {
    of: (_form: FrameForm, each: readonly Told[]) => {
      const found = joined.get(each) ?? textOf(each);
      joined.set(each, found);
      return found;
    },
  } as unknown as FrameCache;
  return receivers.map((receiver) => new HttpWatchOutput(receiver as unknown as AnyResponse, form, frames, flusher));
}

describe('what a watch writes', () => {
  it('one write for a commit, the very bytes that the others get', async () => {
    const receivers = [new Receiver(true), new Receiver(true)];
    const events = told('a\n', 'b\n');
    for (const output of start(receivers)) output.tell(events);
    await turn();
    const [one, other] = receivers.map(({ writes }) => writes);
    assert.deepEqual(one?.map(String), ['a\nb\n']);
    assert.equal(one?.[0]?.buffer, other?.[0]?.buffer);
  });

  it('who does not read has been given little, waits for the rest, and gets all of it in order', async () => {
    const receiver = new Receiver(false);
    const [output] = start([receiver]) as [HttpWatchOutput];
    let expected = '';
    for (let i = 0; i < 50; i++) {
      const text = `${i}:${'x'.repeat(i === 20 ? 200_000 : 10_000)}\n`;
      expected += text;
      assert.ok(output.tell(told(text)));
      await turn();
    }
    const given = receiver.writableLength;
    assert.ok(given <= WRITE_BYTES + 16 * 1024, `${given} bytes`);
    while (receiver.text.length < expected.length) {
      receiver.readOne();
      await turn();
    }
    assert.equal(receiver.text, expected);
    assert.ok(receiver.writes.every(({ length }) => length <= WRITE_BYTES));
  });

  it('who does not read is cut off when too much waits, and the others go on', async () => {
    const stuck = new Receiver(false);
    const quick = new Receiver(true);
    const [slow, other] = start([stuck, quick]) as [HttpWatchOutput, HttpWatchOutput];
    const line = `${'x'.repeat(1024 * 1024 - 1)}\n`;
    let taken = 0;
    for (; taken < 100; taken++) {
      const events = told(line);
      assert.ok(other.tell(events));
      if (!slow.tell(events)) break;
      await turn();
    }
    assert.ok(taken >= MAX_WAITING_BYTES / line.length && taken <= MAX_WAITING_BYTES / line.length + 2, `${taken} MB`);
    assert.ok(stuck.destroyed);
    while (quick.text.length < (taken + 1) * line.length) await turn();
    assert.ok(!quick.destroyed);
  });

  it('the end comes once, after all that was told', async () => {
    const receiver = new Receiver(false);
    const [output] = start([receiver]) as [HttpWatchOutput];
    output.tell(told('x'.repeat(100_000)));
    await turn();
    output.tell(told('last\n'));
    output.end();
    while (!receiver.writableFinished) {
      receiver.readOne();
      await turn();
    }
    assert.equal(receiver.text.length, 100_005);
    assert.ok(receiver.text.endsWith('last\n'));
  });

  it('the initial state waits for room', async () => {
    const receiver = new Receiver(false);
    const [output] = start([receiver]) as [HttpWatchOutput];
    output.tell(told('x'.repeat(300_000)));
    let hasRoom = false;
    void output.room()?.then(() => {
      hasRoom = true;
    });
    for (let i = 0; i < 4; i++) {
      await turn();
      assert.equal(hasRoom, false);
      receiver.readOne();
    }
    while (!hasRoom) {
      receiver.readOne();
      await turn();
    }
    assert.equal(receiver.text.length, 300_000);
    assert.equal(output.room(), undefined);
  });
});
