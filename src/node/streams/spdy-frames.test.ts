import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SpdyError } from './spdy-error.ts';
import { dataFrameHead, type Frame, FrameParser, goawayFrame, pingFrame, resetFrame, synReplyFrame, synStreamFrame, windowUpdateFrame } from './spdy-frames.ts';

const id = fc.integer({ min: 1, max: 0x7fffffff });
const block = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));

const sample: fc.Arbitrary<{ readonly bytes: Buffer; readonly frame: Frame }> = fc.oneof(
  fc.tuple(id, block, fc.boolean()).map(([streamId, b, fin]) => ({
    bytes: synStreamFrame(streamId, b, fin),
    frame: { type: 'syn-stream' as const, streamId, fin, unidirectional: false, block: b },
  })),
  fc
    .tuple(id, block, fc.boolean())
    .map(([streamId, b, fin]) => ({ bytes: synReplyFrame(streamId, b, fin), frame: { type: 'syn-reply' as const, streamId, fin, block: b } })),
  fc
    .tuple(id, fc.integer({ min: 1, max: 11 }))
    .map(([streamId, status]) => ({ bytes: resetFrame(streamId, status), frame: { type: 'rst-stream' as const, streamId, status } })),
  id.map((ping) => ({ bytes: pingFrame(ping), frame: { type: 'ping' as const, id: ping } })),
  id.map((lastStreamId) => ({ bytes: goawayFrame(lastStreamId, 0), frame: { type: 'goaway' as const, lastStreamId, status: 0 } })),
  fc
    .tuple(id, id)
    .map(([streamId, deltaBytes]) => ({ bytes: windowUpdateFrame(streamId, deltaBytes), frame: { type: 'window-update' as const, streamId, deltaBytes } })),
  fc.tuple(id, block, fc.boolean()).map(([streamId, data, fin]) => ({
    bytes: Buffer.concat([dataFrameHead(streamId, data.length, fin), data]),
    frame: { type: 'data' as const, streamId, data, fin },
  })),
);

/** Data byte by byte, since a data frame may come in pieces; an empty one without FIN says nothing. */
function events(frames: readonly Frame[]): readonly unknown[] {
  return frames.flatMap((frame): readonly unknown[] => {
    if (frame.type !== 'data') return [frame];
    return [...[...frame.data].map((byte) => `${frame.streamId}: ${byte}`), ...(frame.fin ? [`${frame.streamId}: end`] : [])];
  });
}

test('frames come out as they went in, however the bytes are cut', () => {
  fc.assert(
    fc.property(fc.array(sample, { maxLength: 12 }), fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 }), (samples, cuts) => {
      const bytes = Buffer.concat(samples.map((each) => each.bytes));
      const parser = new FrameParser();
      const frames: Frame[] = [];
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const size = cuts[i % cuts.length] ?? 1;
        frames.push(...parser.parse(bytes.subarray(at, at + size)));
        at += size;
      }
      assert.deepEqual(events(frames), events(samples.map(({ frame }) => frame)));
    }),
    { numRuns: 200 },
  );
});

test('bytes of any kind give frames or one protocol error, and little is kept', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.uint8Array({ maxLength: 64 }),
          sample.map(({ bytes }) => bytes),
        ),
        { maxLength: 30 },
      ),
      (pieces) => {
        const parser = new FrameParser();
        try {
          for (const piece of pieces) for (const _ of parser.parse(piece)) assert.ok(_);
        } catch (thrown) {
          assert.ok(thrown instanceof SpdyError, String(thrown));
        }
      },
    ),
    { numRuns: 1000 },
  );
});

for (const { about, bytes, code } of [
  { about: 'a control frame of 16 MB', bytes: '8003000100ffffff', code: 'limit' },
  { about: 'SPDY/2', bytes: '8002000100000000', code: 'protocol' },
  { about: 'data for stream 0', bytes: '0000000000000001', code: 'protocol' },
  { about: 'SYN_STREAM without a body', bytes: '8003000100000000', code: 'protocol' },
  { about: 'a window update of 0', bytes: '80030009000000080000000100000000', code: 'protocol' },
  { about: 'SETTINGS that says more than it holds', bytes: '8003000400000004000000ff', code: 'protocol' },
]) {
  test(`${about} is refused`, () => {
    assert.throws(() => [...new FrameParser().parse(Buffer.from(bytes, 'hex'))], { name: 'SpdyError', code });
  });
}

test('types that are not known are skipped', () => {
  const unknown = Buffer.from('8003000f0000000401020304', 'hex');
  assert.deepEqual([...new FrameParser().parse(Buffer.concat([unknown, pingFrame(7)]))], [{ type: 'ping', id: 7 }]);
});
