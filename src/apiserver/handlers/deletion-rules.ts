import { FINALIZER_FOREGROUND, FINALIZER_ORPHAN } from '../../machinery/metadata.ts';
import type { KubeObject } from '../../machinery/object.ts';
import type { Binding } from '../registry/registry.ts';
import type { DeleteOptions } from './delete-options.ts';

/** The update left nothing to wait for: no finalizer, no grace period, and deletion had been asked for. */
export function endsWithUpdate({ stored }: Binding, next: KubeObject, old: KubeObject): boolean {
  if (old.metadata?.deletionTimestamp === undefined) return false;
  if ((next.metadata?.finalizers ?? []).length > 0) return false;
  if ((old.metadata.deletionGracePeriodSeconds ?? 0) > 0) return false;
  return (stored.strategy.specFinalizers?.(next) ?? []).length === 0;
}

/** What becomes of dependents: the client's word, else finalizers that are there already, else the kind's habit. */
export function finalizersAfter(binding: Binding, finalizers: readonly string[], options: DeleteOptions): readonly string[] {
  if (binding.stored.group === '' && binding.stored.resource === 'events') return finalizers;
  const policy = policyOf(binding, finalizers, options);
  const others = finalizers.filter((f) => f !== FINALIZER_ORPHAN && f !== FINALIZER_FOREGROUND);
  if (policy === 'Orphan') return [...others, FINALIZER_ORPHAN];
  return policy === 'Foreground' ? [...others, FINALIZER_FOREGROUND] : others;
}

function policyOf(
  binding: Binding,
  finalizers: readonly string[],
  { propagationPolicy, orphanDependents }: DeleteOptions,
): 'Orphan' | 'Foreground' | 'Background' {
  if (orphanDependents !== undefined) return orphanDependents ? 'Orphan' : 'Background';
  if (propagationPolicy !== undefined) return propagationPolicy;
  if (finalizers.includes(FINALIZER_ORPHAN)) return 'Orphan';
  if (finalizers.includes(FINALIZER_FOREGROUND)) return 'Foreground';
  return orphansByDefault(binding) ? 'Orphan' : 'Background';
}

/** Old kinds keep their old habit (batch/v1 Job, v1 ReplicationController). */
export function orphansByDefault({ kind: { group, resource } }: Binding): boolean {
  return (group === 'batch' && resource === 'jobs') || (group === '' && resource === 'replicationcontrollers');
}

// pkg/registry: ReturnDeletedObject. Others answer with a Status.
const RETURN_OBJECT: ReadonlySet<string> = new Set([
  '/persistentvolumeclaims',
  '/persistentvolumes',
  '/pods',
  '/podtemplates',
  '/resourcequotas',
  '/serviceaccounts',
  '/services',
  'storage.k8s.io/csidrivers',
  'storage.k8s.io/csinodes',
  'storage.k8s.io/storageclasses',
  'storage.k8s.io/volumeattachments',
  'storage.k8s.io/volumeattributesclasses',
  'resource.k8s.io/deviceclasses',
  'resource.k8s.io/devicetaintrules',
  'resource.k8s.io/resourceclaims',
  'resource.k8s.io/resourceclaimtemplates',
  'resource.k8s.io/resourceslices',
]);

export const returnsObject = ({ group, resource }: { readonly group: string; readonly resource: string }): boolean => RETURN_OBJECT.has(`${group}/${resource}`);
