import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cutPower, whyNoPowerCuts } from './store-power.ts';

describe('store: power cuts at random instants', { skip: whyNoPowerCuts() ?? false }, () => {
  it('every acknowledged write is on the disk', async (t) => {
    const seed = Date.now() % 1e6;
    t.diagnostic(`seed ${seed}`);
    const { cuts, acknowledged } = await cutPower({ cuts: 10, writes: 200, seed, synchronous: 'full' });
    t.diagnostic(`${cuts} cuts, ${acknowledged} writes`);
  });

  it('the canary: without synchronous writes this suite fails', async () => {
    await assert.rejects(cutPower({ cuts: 10, writes: 200, seed: 1, synchronous: 'off' }), /lost|back at|is gone|revisions go back|damaged|was on disk/);
  });
});
