import type * as storage from '../gen/types/storage.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { volumeAttributesClassColumns } from './columns.ts';
import { validateVolumeAttributesClass, validateVolumeAttributesClassUpdate } from './storage.validation.ts';

export const volumeAttributesClassRules: KindRules<storage.VolumeAttributesClass> = {
  strategy: { allowUnconditionalUpdate: true, validateCreate: validateVolumeAttributesClass, validateUpdate: validateVolumeAttributesClassUpdate },
  columns: volumeAttributesClassColumns,
  shortNames: ['vac'],
};
