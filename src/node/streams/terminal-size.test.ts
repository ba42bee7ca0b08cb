import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TerminalSizes } from './terminal-size.ts';

for (const [about, pieces, sizes] of [
  ['one', ['{"Width":80,"Height":24}\n'], ['80x24']],
  ['two in one piece', ['{"Width":80,"Height":24}{"Width":81,"Height":25}'], ['80x24', '81x25']],
  ['one in three pieces', ['{"Wid', 'th":80,"Hei', 'ght":24}'], ['80x24']],
  ['garbage, then one', ['what}{"Width":80,"Height":24}'], ['80x24']],
  ['sizes that no terminal has', ['{"Width":0,"Height":24}{"Width":1e9,"Height":24}{"Width":"80","Height":24}{"Height":24}'], []],
  ['a flood without an end, then one', ['x'.repeat(10_000), '{"Width":80,"Height":24}'], ['80x24']],
] as const) {
  test(about, () => {
    const parser = new TerminalSizes();
    const seen = pieces.flatMap((piece) => [...parser.parse(Buffer.from(piece))]);
    assert.deepEqual(
      seen.map(({ width, height }) => `${width}x${height}`),
      sizes,
    );
  });
}
