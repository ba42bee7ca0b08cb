import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PersistentVolumeClaim } from '../api/gen/types/core.v1.ts';
import { SELECTED_NODE } from '../api/core/persistent-volume.rules.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import type { Client } from '../client/client.ts';
import type { ChangeHandler, Informer } from '../client/informer.ts';
import type { Stored } from '../machinery/object.ts';
import { VolumeBinder } from './volume-binder.ts';
import type { VolumeState } from './volume-state.ts';

type Claim = Stored<PersistentVolumeClaim>;

const claim = (version: string, annotations: Readonly<Record<string, string>> = {}, uid = 'u'): Claim => ({
  metadata: { name: 'data', namespace: 'ns', uid, resourceVersion: version, annotations },
});
const onNode = (version: string): Claim => claim(version, { [SELECTED_NODE]: 'a' });
const bound = (version: string): Claim => ({
  ...claim(version, { [SELECTED_NODE]: 'a', 'pv.kubernetes.io/bind-completed': 'yes' }),
  spec: { volumeName: 'v' },
});

/** A binder that is about to have a claim provisioned on node a; `meanwhile` comes to its cache before the answer to its write. */
function binding(
  meanwhile: Claim | undefined,
  madeFor = 'a',
): {
  readonly result: Promise<string>;
  readonly tell: ChangeHandler<PersistentVolumeClaim>;
  readonly clock: VirtualClock;
} {
  const clock = new VirtualClock();
  let cached: Claim | undefined = claim('1');
  const tell: ChangeHandler<PersistentVolumeClaim> = {};
  const claims: Partial<Informer<PersistentVolumeClaim>> = {
    get: () => cached,
    onChange: (handler) => {
      Object.assign(tell, handler);
      return { [Symbol.dispose]: () => {} };
    },
  };
  const patch = async (): Promise<Claim> => {
    cached = meanwhile;
    return onNode('2');
  };
  const reach = { nodeSelectorTerms: [{ matchExpressions: [{ key: 'node', operator: 'In', values: [madeFor] }] }] };
  const volume = { metadata: { name: 'v' }, spec: { nodeAffinity: { required: reach } } };
  const get = async ({ resource }: { readonly resource: string }): Promise<unknown> => (resource === 'persistentvolumes' ? volume : bound('9'));
  const labelsOf = (node: string): Readonly<Record<string, string>> => ({ node });
  const binder = new VolumeBinder({ patch, get } as unknown as Client, clock, { claims, labelsOf } as unknown as VolumeState);
  const result = binder.bind({ bind: [], provision: [claim('1')] }, 'a', new AbortController().signal).then(
    () => 'bound',
    (thrown: Error) => thrown.message,
  );
  return { result, tell, clock };
}

const drain = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('scheduler: the wait for volumes', () => {
  for (const [sentence, meanwhile, answer] of [
    ['is over at once when the claim was bound before the answer came', bound('3'), 'bound'],
    ['fails at once when the claim was deleted before the answer came', undefined, 'persistentvolumeclaim "data" was deleted while its volume was bound'],
    ['fails at once when another claim has taken its name', claim('9', {}, 'other'), 'persistentvolumeclaim "data" was deleted while its volume was bound'],
    ['fails at once when the provisioner gave the node back before the answer came', claim('4'), 'the provisioner could not make a volume for "data" on a'],
  ] as const)
    it(sentence, async () => assert.equal(await binding(meanwhile).result, answer));

  it('goes on while the cache is older than the answer, until the claim is bound', async () => {
    const { result, tell } = binding(claim('1'));
    await drain();
    tell.updated?.(onNode('2'), claim('1'));
    tell.updated?.(bound('5'), onNode('2'));
    assert.equal(await result, 'bound');
  });

  it('fails when the volume was made for another node', async () => {
    assert.equal(await binding(bound('3'), 'b').result, 'pv "v" node affinity doesn\'t match node "a"');
  });

  it('has an end', async () => {
    const { result, clock } = binding(claim('1'));
    await drain();
    await clock.advance(600_000, drain);
    assert.equal(await result, 'timed out waiting for the volumes to be bound');
  });
});
