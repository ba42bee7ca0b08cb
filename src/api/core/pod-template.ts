import type * as core from '../gen/types/core.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { generationOf } from '../strategy.ts';
import { podTemplateColumns } from './columns.ts';
import { dropShut } from './pod.gates.ts';
import { templateWarnings } from './pod.warnings.ts';
import { defaultTemplate } from './pod-template.defaults.ts';
import { keepOldTemplate, validateTemplate } from './pod-template.validation.ts';
import { root } from '../checks.ts';

const validate = ({ template }: core.PodTemplate) => validateTemplate(template, root('template'));

const base = generationOf<core.PodTemplate>('template');

export const podTemplateRules: KindRules<core.PodTemplate> = {
  strategy: {
    prepareForCreate: (draft, context) => {
      dropShut(draft.template?.spec, undefined);
      base.prepareForCreate?.(draft, context);
    },
    prepareForUpdate: (draft, old, context) => {
      dropShut(draft.template?.spec, old.template?.spec);
      base.prepareForUpdate?.(draft, old, context);
    },
    default: ({ template }) => defaultTemplate(template),
    allowUnconditionalUpdate: true,
    validateCreate: validate,
    validateUpdate: keepOldTemplate(validate, 'template'),
    warnings: (object) => templateWarnings(object.template, root('template')),
  },
  columns: podTemplateColumns,
};
