import type * as core from '../gen/types/core.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { configMapColumns } from './columns.ts';
import { validateConfigMap, validateConfigMapUpdate } from './data.validation.ts';

export const configMapRules: KindRules<core.ConfigMap> = {
  strategy: { allowUnconditionalUpdate: true, validateCreate: validateConfigMap, validateUpdate: validateConfigMapUpdate },
  columns: configMapColumns,
  shortNames: ['cm'],
};
