import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseRuntime } from './choose-runtime.ts';

const fine = { findings: [{ missing: 'CAP_SYS_RESOURCE', consequence: 'less', fatal: false }] };
const without = { findings: [{ missing: 'containerd', consequence: 'no containers: install the package containerd', fatal: true }] };

describe('what pods run on', () => {
  for (const { about, before, probe, runtime, because } of [
    { about: 'a machine that has everything', before: undefined, probe: fine, runtime: 'containerd', because: undefined },
    { about: 'asked to simulate', before: undefined, probe: undefined, runtime: 'simulated', because: undefined },
    {
      about: 'no containerd: one sentence',
      before: undefined,
      probe: without,
      runtime: 'simulated',
      because: /^containerd is missing .*, so this cluster has a simulated node: pods only say that they run\.$/,
    },
    { about: 'still no containerd', before: 'simulated', probe: without, runtime: 'simulated', because: /simulated node/ },
    { about: 'containerd was installed since', before: 'simulated', probe: fine, runtime: 'containerd', because: undefined },
  ] as const) {
    it(about, () => {
      const chosen = chooseRuntime(before, probe);
      assert.equal(chosen.runtime, runtime);
      if (because === undefined) assert.equal(chosen.because, undefined);
      else assert.match(chosen.because ?? '', because);
    });
  }

  it('real pods and volumes are never handed to a simulated node', () => {
    assert.throws(() => chooseRuntime('containerd', without), /containerd is missing/);
    assert.throws(() => chooseRuntime('containerd', undefined), /real ones/);
  });
});
