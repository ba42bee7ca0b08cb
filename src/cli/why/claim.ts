import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/gen/types/core.v1.ts';
import type { StorageClass } from '../../api/gen/types/storage.v1.ts';
import type { Stored } from '../../machinery/object.ts';
import { type Answer, type EventView, fine, lastWarning, trouble } from './answer.ts';
import { explainHealth } from './volume.ts';

export interface ClaimView {
  readonly claim: Stored<PersistentVolumeClaim>;
  /** That it is bound to, if it is there. */
  readonly volume: Stored<PersistentVolume> | undefined;
  readonly events: readonly EventView[];
  readonly classes: readonly Stored<StorageClass>[];
  /** Pods of the claim's namespace that use it. */
  readonly users: readonly Stored<Pod>[];
}

export function explainClaim({ claim, volume, events, classes, users }: ClaimView): Answer {
  const name = `Claim ${claim.metadata.name}`;
  const phase = claim.status?.phase ?? 'Pending';
  if (phase === 'Bound') {
    const bound = `${name} is bound to volume ${claim.spec?.volumeName}`;
    return (volume === undefined ? undefined : explainHealth(bound, ', which is', volume)) ?? fine(`${bound}.`);
  }
  if (phase === 'Lost')
    return trouble(
      `${name} has lost its volume ${claim.spec?.volumeName}.`,
      ['The volume was deleted while the claim was bound to it.'],
      ['restore the volume from a backup, or make the claim anew'],
    );
  const state = `${name} is not bound yet.`;
  const warning = lastWarning(events);
  if ((claim.spec?.volumeName ?? '') !== '')
    return trouble(
      state,
      [warning ?? `It waits for volume ${claim.spec?.volumeName}, which does not exist or does not fit.`],
      ['compare size, access modes and class of the two'],
    );
  const className = claim.spec?.storageClassName;
  if (className === undefined) return trouble(state, ['It names no class, and no class is the default.'], ['name one: kubectl get storageclass']);
  if (className === '')
    return trouble(
      state,
      ['It asks for a volume made by hand (class ""), and none fits.'],
      ['make a PersistentVolume of class "" with its size and access modes'],
    );
  const found = classes.find((each) => each.metadata.name === className);
  if (found === undefined)
    return trouble(state, [`Its class ${className} does not exist.`], [`classes there are: ${classes.map((each) => each.metadata.name).join(', ') || 'none'}`]);
  if (warning !== undefined) return trouble(state, [warning], ['see `kubectl describe pvc`']);
  if (found.volumeBindingMode === 'WaitForFirstConsumer') {
    if (users.length === 0)
      return trouble(
        state,
        [`Its class ${className} makes the volume when the first pod uses the claim, and none does.`],
        ['start a pod that uses it, or use a class that binds at once (berth-immediate)'],
      );
    return trouble(state, [`Pod ${users[0]?.metadata.name} uses it and is not on a node yet.`], [`berth why pod/${users[0]?.metadata.name}`]);
  }
  return trouble(state, [`The driver ${found.provisioner} has not made the volume yet.`], ['see `kubectl describe pvc`']);
}
