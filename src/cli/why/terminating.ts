import type { KubeObject } from '../../machinery/object.ts';
import { type Answer, trouble } from './answer.ts';

const KNOWN: Readonly<Record<string, { readonly because: string; readonly fix: string }>> = {
  'kubernetes.io/pvc-protection': { because: 'a pod still uses the claim', fix: 'delete or finish the pods that use it; the claim then goes by itself' },
  'kubernetes.io/pv-protection': { because: 'the volume is still bound to a claim', fix: 'delete the claim first' },
  foregroundDeletion: {
    because: 'it waits for the objects that it owns to go first',
    fix: 'look at its dependents, one of them is stuck: `kubectl get all`, then `berth why` on what is Terminating',
  },
  orphan: { because: 'the objects that it owns are being set free first', fix: 'wait a moment' },
  'external-provisioner.volume.kubernetes.io/finalizer': { because: 'the storage driver has not deleted the volume yet', fix: 'see the events of the volume' },
};

/** Undefined when the object is not being deleted. */
export function explainTerminating(what: string, object: KubeObject, nowMs: number): Answer | undefined {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers = [] } = object.metadata ?? {};
  if (deletionTimestamp === undefined) return undefined;
  const endsMs = Date.parse(deletionTimestamp);
  const state = `${what} is being deleted.`;
  if (finalizers.length > 0) {
    return trouble(
      state,
      finalizers.map((finalizer) => `The finalizer ${finalizer} holds it: ${KNOWN[finalizer]?.because ?? 'whoever set it has not finished its work'}.`),
      finalizers.map(
        (finalizer) =>
          KNOWN[finalizer]?.fix ??
          `start whatever answers for ${finalizer}; only if it is gone for good: kubectl patch … -p '{"metadata":{"finalizers":null}}'`,
      ),
    );
  }
  const leftMs = endsMs - nowMs;
  if (leftMs > 0)
    return trouble(
      state,
      [`It has ${Math.ceil(leftMs / 1000)} s left of its ${deletionGracePeriodSeconds ?? 0} s to end by itself.`],
      ['wait, or: kubectl delete --grace-period=1 …'],
    );
  return trouble(state, ['Its time is over, and its node has not said that it is gone.'], ['check that the node is Ready: `kubectl get nodes`']);
}
