import type * as core from '../gen/types/core.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { configMapColumns } from './columns.ts';

export const configMapRules: KindRules<core.ConfigMap> = {
  strategy: { allowUnconditionalUpdate: true },
  columns: configMapColumns,
  shortNames: ['cm'],
};
