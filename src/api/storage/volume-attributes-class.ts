import type * as storage from '../gen/types/storage.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { volumeAttributesClassColumns } from './columns.ts';

export const volumeAttributesClassRules: KindRules<storage.VolumeAttributesClass> = {
  strategy: { allowUnconditionalUpdate: true },
  columns: volumeAttributesClassColumns,
  shortNames: ['vac'],
};
