import type { Draft } from '../../machinery/object.ts';
import type * as core from '../gen/types/core.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { nameAndAge } from '../columns.ts';

const MOUNTABLE = 'kubernetes.io/enforce-mountable-secrets';

/** Secrets are of the same namespace: only their names are kept. */
function cleanSecrets(draft: Draft<core.ServiceAccount>): void {
  if (draft.secrets !== undefined) draft.secrets = draft.secrets.map(({ name }) => (name === undefined ? {} : { name }));
}

export const serviceAccountRules: KindRules<core.ServiceAccount> = {
  strategy: {
    prepareForCreate: cleanSecrets,
    prepareForUpdate: cleanSecrets,
    allowUnconditionalUpdate: true,
    warnings: ({ metadata }, old) =>
      metadata?.annotations?.[MOUNTABLE] !== undefined && old?.metadata?.annotations?.[MOUNTABLE] === undefined
        ? [`metadata.annotations[${MOUNTABLE}]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets`]
        : [],
  },
  columns: nameAndAge,
  shortNames: ['sa'],
};
