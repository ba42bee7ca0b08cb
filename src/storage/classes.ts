import type { CSIDriver, StorageClass } from '../api/gen/types/storage.v1.ts';
import { csiDrivers, storageClasses } from '../api/gen/resources.ts';
import { IS_DEFAULT_CLASS } from '../api/core/persistent-volume.rules.ts';
import type { Resource } from '../api/resource.ts';
import type { Client } from '../client/client.ts';
import type { KubeObject } from '../machinery/object.ts';
import { StatusError } from '../machinery/status-error.ts';
import { DRIVER_NAME } from './driver/name.ts';

const driver: CSIDriver = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'CSIDriver',
  metadata: { name: DRIVER_NAME },
  spec: {
    attachRequired: false,
    podInfoOnMount: false,
    fsGroupPolicy: 'File',
    storageCapacity: true,
    requiresRepublish: false,
    volumeLifecycleModes: ['Persistent'],
  },
};

function storageClass(name: string, volumeBindingMode: string, annotations?: Readonly<Record<string, string>>): StorageClass {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name, ...(annotations === undefined ? {} : { annotations }) },
    provisioner: DRIVER_NAME,
    reclaimPolicy: 'Delete',
    allowVolumeExpansion: true,
    volumeBindingMode,
  };
}

/** Berth's driver and classes, where they are not there yet. What people changed in them stays changed. */
export async function ensureClasses(client: Client): Promise<void> {
  await ensure(client, csiDrivers, driver);
  await ensure(client, storageClasses, storageClass('berth', 'WaitForFirstConsumer', { [IS_DEFAULT_CLASS]: 'true' }));
  await ensure(client, storageClasses, storageClass('berth-immediate', 'Immediate'));
}

async function ensure<T extends KubeObject>(client: Client, resource: Resource<T>, object: T): Promise<void> {
  try {
    await client.create(resource, object);
  } catch (thrown) {
    if (!(thrown instanceof StatusError) || thrown.reason !== 'AlreadyExists') throw thrown;
  }
}
