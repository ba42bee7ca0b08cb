import type * as core from '../gen/types/core.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { generationOf } from '../strategy.ts';
import { podTemplateColumns } from './columns.ts';
import { defaultTemplate } from './pod-template.defaults.ts';

export const podTemplateRules: KindRules<core.PodTemplate> = {
  strategy: { ...generationOf('template'), default: ({ template }) => defaultTemplate(template), allowUnconditionalUpdate: true },
  columns: podTemplateColumns,
};
