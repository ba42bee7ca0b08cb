import type { Draft } from '../../machinery/object.ts';
import { dropShutInTemplate } from '../core/pod.gates.ts';
import { defaultTemplate } from '../core/pod-template.defaults.ts';
import { semanticEqual } from '../equal.ts';
import type * as apps from '../gen/types/apps.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { metadataOf, specAndStatus } from '../strategy.ts';
import { daemonSetColumns } from './columns.ts';
import { validateDaemonSet, validateDaemonSetStatus, validateDaemonSetUpdate } from './daemon-set.validation.ts';
import { workloadWarnings } from '../core/pod.warnings.ts';

function defaultDaemonSet({ spec }: Draft<apps.DaemonSet>): void {
  if (spec === undefined) return;
  spec.updateStrategy ??= {};
  spec.updateStrategy.type ||= 'RollingUpdate';
  if (spec.updateStrategy.type === 'RollingUpdate') {
    spec.updateStrategy.rollingUpdate ??= {};
    spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1;
    spec.updateStrategy.rollingUpdate.maxSurge ??= 0;
  }
  spec.revisionHistoryLimit ??= 10;
  defaultTemplate(spec.template);
}

const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation';

/** What once was a field of the spec: it counts changes of the template, and is kept in an annotation. */
function countTemplates(draft: Draft<apps.DaemonSet>, generation: number): void {
  (metadataOf(draft).annotations ??= {})[TEMPLATE_GENERATION] = String(generation);
}

const templateGenerationOf = ({ metadata }: apps.DaemonSet | Draft<apps.DaemonSet>): number => {
  const text = metadata?.annotations?.[TEMPLATE_GENERATION] ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
};

const base = specAndStatus<apps.DaemonSet>({ drop: dropShutInTemplate });

export const daemonSetRules: KindRules<apps.DaemonSet> = {
  strategy: {
    ...base,
    default: defaultDaemonSet,
    prepareForCreate: (draft, context) => {
      base.prepareForCreate?.(draft, context);
      countTemplates(draft, Math.max(templateGenerationOf(draft), 1));
    },
    prepareForUpdate: (draft, old, context) => {
      base.prepareForUpdate?.(draft, old, context);
      countTemplates(draft, templateGenerationOf(old) + (semanticEqual(draft.spec?.template, old.spec?.template) ? 0 : 1));
    },
    allowUnconditionalUpdate: true,
    validateCreate: validateDaemonSet,
    validateUpdate: validateDaemonSetUpdate,
    warnings: workloadWarnings,
    status: {
      ...base.status,
      prepareForUpdate: (draft, old, context) => {
        base.status.prepareForUpdate?.(draft, old, context);
        countTemplates(draft, templateGenerationOf(old));
      },
      validateUpdate: validateDaemonSetStatus,
    },
  },
  columns: daemonSetColumns,
  shortNames: ['ds'],
  categories: ['all'],
};
