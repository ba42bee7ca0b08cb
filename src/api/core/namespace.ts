import { dns1123LabelFaults } from '../../machinery/names.ts';
import type * as core from '../gen/types/core.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { keep, metadataOf } from '../strategy.ts';
import { namespaceColumns } from './columns.ts';

/** Every namespace carries its name as a label, so that selectors can name it. */
const NAME_LABEL = 'kubernetes.io/metadata.name';
const FINALIZER = 'kubernetes';

export const namespaceRules: KindRules<core.Namespace> = {
  strategy: {
    validateName: dns1123LabelFaults,
    default: (draft) => {
      const metadata = metadataOf(draft);
      if (metadata.name !== undefined && metadata.name !== '') metadata.labels = { ...metadata.labels, [NAME_LABEL]: metadata.name };
    },
    prepareForCreate: (draft) => {
      draft.status = { phase: 'Active' };
      const finalizers = draft.spec?.finalizers ?? [];
      draft.spec = { ...draft.spec, finalizers: finalizers.includes(FINALIZER) ? finalizers : [...finalizers, FINALIZER] };
    },
    prepareForUpdate: (draft, old) => {
      // Finalizers of the spec change through the finalize subresource only.
      keep(draft, old, 'spec');
      keep(draft, old, 'status');
    },
    allowUnconditionalUpdate: true,
    status: { prepareForUpdate: (draft, old) => keep(draft, old, 'spec') },
    specFinalizers: ({ spec }) => spec?.finalizers ?? [],
  },
  columns: namespaceColumns,
  shortNames: ['ns'],
  selectable: { names: ['status.phase'], values: ({ status }) => ({ 'status.phase': status?.phase ?? '' }) },
};
