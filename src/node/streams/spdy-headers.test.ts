import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, createDeflate } from 'node:zlib';
import fc from 'fast-check';
import { SPDY_DICTIONARY } from './spdy-dictionary.ts';
import { SpdyError } from './spdy-error.ts';
import { HeaderDecoder, HeaderEncoder } from './spdy-headers.ts';

const header = fc.tuple(
  fc.stringMatching(/^[a-z-]{1,20}$/),
  fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 300 }),
);
const headers = fc.uniqueArray(header, { maxLength: 20, selector: ([name]) => name }).map((list) => new Map(list));

test('what one side encodes the other decodes, block after block', () => {
  fc.assert(
    fc.property(fc.array(headers, { maxLength: 8 }), (blocks) => {
      const encoder = new HeaderEncoder();
      const decoder = new HeaderDecoder();
      for (const block of blocks) assert.deepEqual(decoder.decode(encoder.encode(block)), block);
    }),
    { numRuns: 100 },
  );
});

/** A peer that compresses: zlib with the preset dictionary, one stream for the connection, flushed after each block. */
class CompressingPeer {
  readonly #deflate = createDeflate({ dictionary: SPDY_DICTIONARY, level: 9, flush: constants.Z_SYNC_FLUSH });

  async encode(block: ReadonlyMap<string, string>): Promise<Buffer> {
    const parts: Buffer[] = [word(block.size)];
    for (const [name, value] of block) parts.push(word(name.length), Buffer.from(name, 'latin1'), word(value.length), Buffer.from(value, 'latin1'));
    const out: Buffer[] = [];
    const take = (bytes: Buffer): void => void out.push(bytes);
    this.#deflate.on('data', take);
    await new Promise<void>((resolve) => this.#deflate.write(Buffer.concat(parts), () => resolve()));
    this.#deflate.off('data', take);
    return Buffer.concat(out);
  }
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

test('blocks of a compressing peer are read, though each is inflated by itself', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(headers, { maxLength: 6 }), async (blocks) => {
      const peer = new CompressingPeer();
      const decoder = new HeaderDecoder();
      for (const block of blocks) assert.deepEqual(decoder.decode(await peer.encode(block)), block);
    }),
    { numRuns: 30 },
  );
});

test('a block that unpacks to too much is refused', async () => {
  const block = await new CompressingPeer().encode(new Map([['a', 'x'.repeat(200_000)]]));
  assert.ok(block.length < 2000);
  assert.throws(() => new HeaderDecoder().decode(block), { name: 'SpdyError', code: 'protocol' });
});

test('garbage is refused as a protocol error, never otherwise', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, withHead) => {
      const block = withHead ? Buffer.concat([Buffer.from([0x78, 0x01]), bytes]) : Buffer.from(bytes);
      try {
        new HeaderDecoder().decode(block);
      } catch (thrown) {
        assert.ok(thrown instanceof SpdyError);
      }
    }),
    { numRuns: 500 },
  );
});
