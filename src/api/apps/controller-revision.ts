import type * as apps from '../gen/types/apps.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { controllerRevisionColumns } from './columns.ts';
import { validateControllerRevision, validateControllerRevisionUpdate } from './controller-revision.validation.ts';

export const controllerRevisionRules: KindRules<apps.ControllerRevision> = {
  strategy: { allowUnconditionalUpdate: true, validateCreate: validateControllerRevision, validateUpdate: validateControllerRevisionUpdate },
  columns: controllerRevisionColumns,
};
