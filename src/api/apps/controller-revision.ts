import type * as apps from '../gen/types/apps.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { controllerRevisionColumns } from './columns.ts';

export const controllerRevisionRules: KindRules<apps.ControllerRevision> = {
  strategy: { allowUnconditionalUpdate: true },
  columns: controllerRevisionColumns,
};
