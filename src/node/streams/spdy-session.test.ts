import assert from 'node:assert/strict';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { SystemClock } from '../../base/system-clock.ts';
import { collect } from './byte-queue.ts';
import { SpdySession } from './spdy-session.ts';
import type { SpdyStream } from './spdy-stream.ts';

const clock = new SystemClock();
const PLENTY = 1 << 30;

/** A client and a server that speak to each other; `accept` gets what the client opens. */
function pair(accept: (stream: SpdyStream) => void, flowControl = false): { readonly client: SpdySession; readonly server: SpdySession } & Disposable {
  const [left, right] = duplexPair();
  const server = new SpdySession({ role: 'server', wire: right, clock, accept, flowControl });
  const client = new SpdySession({ role: 'client', wire: left, clock, flowControl });
  return {
    client,
    server,
    [Symbol.dispose]: () => {
      client[Symbol.dispose]();
      server[Symbol.dispose]();
      left.destroy();
      right.destroy();
    },
  };
}

/** Sends back what it reads, then ends. */
function echo(stream: SpdyStream): void {
  stream.reply();
  void (async () => {
    for await (const bytes of stream.read) await stream.write(bytes);
    await stream.end();
  })();
}

for (const flowControl of [false, true]) {
  test(`an input that ends comes back whole${flowControl ? ', with windows' : ''}`, async () => {
    using both = pair(echo, flowControl);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 100_000 }), { maxLength: 8 }), async (sizes) => {
        const stream = await both.client.open(new Map([['streamtype', 'data']]));
        const sent = Buffer.concat(sizes.map((size, i) => Buffer.alloc(size, i)));
        const back = collect(stream.read, PLENTY);
        for (let at = 0, i = 0; i < sizes.length; i++) {
          const size = sizes[i] ?? 0;
          await stream.write(sent.subarray(at, at + size));
          at += size;
        }
        await stream.end();
        assert.ok(sent.equals((await back) ?? Buffer.alloc(0)));
      }),
      { numRuns: 20 },
    );
  });
}

test('streams do not mix', async () => {
  using both = pair(echo);
  await Promise.all(
    Array.from({ length: 20 }, async (_, i) => {
      const stream = await both.client.open(new Map());
      await stream.write(Buffer.alloc(50_000, i));
      await stream.end();
      const back = (await collect(stream.read, PLENTY)) ?? Buffer.alloc(0);
      assert.ok(back.length === 50_000 && back.every((byte) => byte === i));
    }),
  );
});

test('the two directions end separately', async () => {
  const { promise, resolve } = Promise.withResolvers<SpdyStream>();
  using both = pair((stream) => {
    stream.reply();
    resolve(stream);
  });
  const ours = await both.client.open(new Map());
  const theirs = await promise;
  await theirs.end();
  assert.equal((await collect(ours.read, 10))?.length, 0);
  await ours.write(Buffer.from('still'));
  await ours.end();
  assert.equal((await collect(theirs.read, 10))?.toString(), 'still');
  await assert.rejects(ours.write(Buffer.from('more')), { code: 'closed' });
});

test('a slow reader holds the writer back', async () => {
  const { promise, resolve } = Promise.withResolvers<SpdyStream>();
  using both = pair((stream) => {
    stream.reply();
    resolve(stream);
  });
  const ours = await both.client.open(new Map());
  const theirs = await promise;
  let written = 0;
  const writing = (async () => {
    for (let i = 0; i < 64; i++) {
      await ours.write(Buffer.alloc(256 * 1024));
      written++;
    }
    await ours.end();
  })();
  // Everything that can move has moved when the loop has come round.
  for (let i = 0; i < 200; i++) await new Promise<void>((resolve) => setImmediate(resolve));
  assert.ok(written < 16, `${written} of 64 written though nobody read`);
  const read = await collect(theirs.read, PLENTY);
  await writing;
  assert.equal(read?.length, 64 * 256 * 1024);
});

test('a refused stream rejects, the connection goes on', async () => {
  using both = pair((stream) => (stream.headers.get('streamtype') === 'bad' ? stream.reset() : echo(stream)));
  await assert.rejects(both.client.open(new Map([['streamtype', 'bad']])), { name: 'SpdyError', code: 'reset' });
  const stream = await both.client.open(new Map());
  await stream.end();
  assert.equal((await collect(stream.read, 10))?.length, 0);
});

test('a reset ends the reader when it is a cancel, and fails it otherwise', async () => {
  for (const { status, error } of [
    { status: 5, error: undefined },
    { status: 6, error: 'reset' },
  ]) {
    using both = pair((stream) => {
      stream.reply();
      stream.reset(status);
    });
    const stream = await both.client.open(new Map());
    if (error === undefined) assert.equal((await collect(stream.read, 10))?.length, 0);
    else await assert.rejects(collect(stream.read, 10), { code: error });
  }
});

test('when the wire is lost, readers, writers and openers learn of it', async () => {
  const [left, right] = duplexPair();
  const client = new SpdySession({ role: 'client', wire: left, clock });
  const server = new SpdySession({ role: 'server', wire: right, clock, accept: (stream) => stream.reply() });
  const stream = await client.open(new Map());
  const reading = collect(stream.read, 10);
  left.destroy();
  right.destroy();
  await assert.rejects(reading, { code: 'closed' });
  await assert.rejects(stream.write(Buffer.from('x')), { code: 'closed' });
  await assert.rejects(client.open(new Map()), { code: 'closed' });
  await Promise.all([client.closed, server.closed]);
});

test('a peer that breaks the protocol is told so and let go', async () => {
  const [left, right] = duplexPair();
  const server = new SpdySession({ role: 'server', wire: right, clock, accept: () => {} });
  const answer = collect(left, 1000);
  left.write(Buffer.from('8002000100000000', 'hex'));
  assert.equal((await server.closed)?.code, 'protocol');
  left.end();
  // GOAWAY with the status of a protocol error.
  assert.equal((await answer)?.toString('hex'), '80030007000000080000000000000001');
});

test('pings of the peer are answered', async () => {
  const [left, right] = duplexPair();
  using server = new SpdySession({ role: 'server', wire: right, clock });
  const got = new Promise<Buffer>((resolve) => left.once('data', resolve));
  left.write(Buffer.from('800300060000000400000001', 'hex'));
  assert.equal((await got).toString('hex'), '800300060000000400000001');
  left.destroy();
  await server.closed;
});
