import { ageColumn, boolean, nameColumn, integer, text } from '../columns.ts';
import type * as storage from '../gen/types/storage.v1.ts';
import type { Column } from '../kind.ts';

const DEFAULT_ANNOTATIONS = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'];

function isDefaultClass({ metadata }: storage.StorageClass): boolean {
  return DEFAULT_ANNOTATIONS.some((key) => metadata?.annotations?.[key] === 'true');
}

export const storageClassColumns: readonly Column<storage.StorageClass>[] = [
  { ...nameColumn, cell: (object: storage.StorageClass) => `${object.metadata?.name ?? ''}${isDefaultClass(object) ? ' (default)' : ''}` },
  text('Provisioner', 'Who makes its volumes.', ({ provisioner }) => provisioner),
  text('ReclaimPolicy', 'What happens to a volume when its claim is gone.', ({ reclaimPolicy }) => reclaimPolicy ?? 'Delete'),
  text('VolumeBindingMode', 'When volumes are made.', ({ volumeBindingMode }) => volumeBindingMode ?? '<unset>'),
  text('AllowVolumeExpansion', 'Whether volumes may grow.', ({ allowVolumeExpansion }) => allowVolumeExpansion ?? false),
  ageColumn,
];

export const volumeAttachmentColumns: readonly Column<storage.VolumeAttachment>[] = [
  nameColumn,
  { ...text('Attacher', 'The driver that attaches.', ({ spec }: storage.VolumeAttachment) => spec.attacher), format: 'name' },
  text('PV', 'The volume.', ({ spec }) => spec.source.persistentVolumeName ?? ''),
  text('Node', 'The node.', ({ spec }) => spec.nodeName),
  boolean('Attached', 'Whether it is attached.', ({ status }) => status?.attached ?? false),
  ageColumn,
];

export const csiNodeColumns: readonly Column<storage.CSINode>[] = [
  nameColumn,
  integer('Drivers', 'How many drivers are registered.', ({ spec }) => spec.drivers.length),
  ageColumn,
];

export const csiDriverColumns: readonly Column<storage.CSIDriver>[] = [
  nameColumn,
  boolean('AttachRequired', 'Whether volumes must be attached before they are mounted.', ({ spec }) => spec.attachRequired ?? true),
  boolean('PodInfoOnMount', 'Whether the driver is told of the pod.', ({ spec }) => spec.podInfoOnMount ?? false),
  boolean('StorageCapacity', 'Whether the scheduler asks for free space.', ({ spec }) => spec.storageCapacity ?? false),
  text(
    'TokenRequests',
    'Audiences of tokens that the driver is given.',
    ({ spec }) => (spec.tokenRequests ?? []).map((t) => t.audience).join(',') || '<unset>',
  ),
  boolean('RequiresRepublish', 'Whether volumes are published again and again.', ({ spec }) => spec.requiresRepublish ?? false),
  text('Modes', 'Kinds of volumes that it makes.', ({ spec }) => (spec.volumeLifecycleModes ?? []).join(',') || '<none>'),
  ageColumn,
];

export const csiStorageCapacityColumns: readonly Column<storage.CSIStorageCapacity>[] = [
  nameColumn,
  text('StorageClassName', 'The class.', ({ storageClassName }) => storageClassName),
  text('Capacity', 'Free space.', ({ capacity }) => capacity ?? '<unset>'),
];

export const volumeAttributesClassColumns: readonly Column<storage.VolumeAttributesClass>[] = [
  nameColumn,
  text('DriverName', 'The driver that it is for.', ({ driverName }) => driverName),
  ageColumn,
];
