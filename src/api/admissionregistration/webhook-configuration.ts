import type { Draft } from '../../machinery/object.ts';
import type * as v1 from '../gen/types/admissionregistration.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { generationOf } from '../strategy.ts';
import { webhookColumns } from './columns.ts';
import { validateWebhooks, validateWebhooksUpdate } from './webhook.validation.ts';

function defaultWebhook(webhook: Draft<v1.ValidatingWebhook>): void {
  webhook.failurePolicy ??= 'Fail';
  webhook.matchPolicy ??= 'Equivalent';
  webhook.namespaceSelector ??= {};
  webhook.objectSelector ??= {};
  webhook.timeoutSeconds ??= 10;
  for (const rule of webhook.rules ?? []) rule.scope ??= '*';
  if (webhook.clientConfig?.service !== undefined) webhook.clientConfig.service.port ??= 443;
}

export const validatingWebhookRules: KindRules<v1.ValidatingWebhookConfiguration> = {
  strategy: {
    ...generationOf('webhooks'),
    default: ({ webhooks }) => {
      for (const webhook of webhooks ?? []) defaultWebhook(webhook);
    },
    allowUnconditionalUpdate: false,
    validateCreate: validateWebhooks,
    validateUpdate: validateWebhooksUpdate,
  },
  columns: webhookColumns,
  categories: ['api-extensions'],
};

export const mutatingWebhookRules: KindRules<v1.MutatingWebhookConfiguration> = {
  strategy: {
    ...generationOf('webhooks'),
    default: ({ webhooks }) => {
      for (const webhook of webhooks ?? []) {
        defaultWebhook(webhook);
        webhook.reinvocationPolicy ??= 'Never';
      }
    },
    allowUnconditionalUpdate: false,
    validateCreate: validateWebhooks,
    validateUpdate: validateWebhooksUpdate,
  },
  columns: webhookColumns,
  categories: ['api-extensions'],
};
