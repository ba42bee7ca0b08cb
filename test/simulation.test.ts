/** Whole clusters from a seed: what they do twice is the same, and the checkers find nothing but what was planted. `npm run sim` runs more of them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { plants, realChance } from '../src/testing/plants.ts';
import { SimulatedCluster } from '../src/testing/simulated-cluster.ts';
import { type Outcome, simulate } from '../src/testing/simulation.ts';

const SEEDS = [1, 2, 3, 4];

function wellDone({ seed, failures, watches }: Outcome): void {
  assert.deepEqual(failures, [], `npm run sim -- --seed ${seed} --minutes 10 --nodes 3 --log`);
  assert.ok(watches > 20, `only ${watches} watches were compared`);
}

describe('a simulated cluster', { concurrency: false }, () => {
  for (const seed of SEEDS) it(`holds what must hold, whatever goes wrong: seed ${seed}`, async () => wellDone(await simulate({ seed })));

  it('does the same from the same seed, byte for byte, and something else from another', async () => {
    const [first, second, other] = [await simulate({ seed: 7, minutes: 5 }), await simulate({ seed: 7, minutes: 5 }), await simulate({ seed: 8, minutes: 5 })];
    assert.deepEqual(first.lines, second.lines);
    assert.equal(first.digest, second.digest);
    assert.ok(first.lines.length > 500, `${first.lines.length} lines`);
    assert.notEqual(first.digest, other.digest);
  });

  it('canary: a part that uses real chance makes two runs differ', async () => {
    const [first, second] = [await simulate({ seed: 7, minutes: 2, plant: realChance }), await simulate({ seed: 7, minutes: 2, plant: realChance })];
    assert.notEqual(first.digest, second.digest);
  });
});

describe('canary: a run that would have no end ends', () => {
  it('because time stands still', async () => {
    await using cluster = await SimulatedCluster.start();
    let goesOn = true;
    const again = (): void => {
      if (goesOn) cluster.clock.setTimer(0, again);
    };
    again();
    await assert.rejects(cluster.advance(1_000), /time stands still/);
    goesOn = false;
    cluster.clock.step();
  });
});

describe('canaries: a planted bug is found by the checker that is there for it', { concurrency: false }, () => {
  for (const plant of plants) {
    it(`${plant.about}: "${plant.finds}"`, async (t) => {
      for (let seed = 1; seed <= 10; seed++) {
        const { failures } = await simulate({ seed, plant });
        const found = failures.find((failure) => failure.startsWith(`${plant.finds}: `));
        if (found === undefined) continue;
        t.diagnostic(`seed ${seed}: ${found.split('\n')[0] ?? ''}`);
        return;
      }
      assert.fail('ten seeds have not found it');
    });
  }
});
