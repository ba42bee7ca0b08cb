import type * as internal from '../gen/types/apiserverinternal.v1alpha1.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { storageVersionColumns } from './columns.ts';
import { storageVersionNameFaults, validateStorageVersionStatus } from './storage-version.validation.ts';

const base = specAndStatus<internal.StorageVersion>({ generation: false, statusKeepsMetadata: true });

export const storageVersionRules: KindRules<internal.StorageVersion> = {
  strategy: {
    ...base,
    validateName: storageVersionNameFaults,
    allowUnconditionalUpdate: false,
    status: { ...base.status, validateUpdate: validateStorageVersionStatus },
  },
  columns: storageVersionColumns,
};
