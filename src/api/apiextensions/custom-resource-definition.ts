import type { Draft } from '../../machinery/object.ts';
import type * as apiextensions from '../gen/types/apiextensions.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { specAndStatus } from '../strategy.ts';
import { validateCustomResourceDefinition, validateCustomResourceDefinitionUpdate } from './custom-resource-definition.validation.ts';

function defaultDefinition({ spec, status }: Draft<apiextensions.CustomResourceDefinition>): void {
  if (spec === undefined) return;
  if (spec.names !== undefined) {
    spec.names.singular ||= (spec.names.kind ?? '').toLowerCase();
    spec.names.listKind ||= (spec.names.kind ?? '') === '' ? '' : `${spec.names.kind}List`;
  }
  spec.conversion ??= { strategy: 'None' };
  if (spec.conversion.webhook?.clientConfig?.service !== undefined) spec.conversion.webhook.clientConfig.service.port ??= 443;
  if (status !== undefined) status.storedVersions ??= [];
}

export const customResourceDefinitionRules: KindRules<apiextensions.CustomResourceDefinition> = {
  strategy: {
    ...specAndStatus(),
    default: defaultDefinition,
    prepareForCreate: (draft, context) => {
      specAndStatus<apiextensions.CustomResourceDefinition>().prepareForCreate?.(draft, context);
      const stored = (draft.spec.versions ?? []).filter((v) => v.storage).map((v) => v.name);
      draft.status = { storedVersions: stored };
    },
    allowUnconditionalUpdate: false,
    validateCreate: validateCustomResourceDefinition,
    validateUpdate: validateCustomResourceDefinitionUpdate,
  },
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
};
