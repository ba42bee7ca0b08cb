import { type FieldError, type FieldPath, invalid } from '../../machinery/field-error.ts';
import { dns1123LabelFaults, qualifiedNameFaults } from '../../machinery/names.ts';
import { addFaults, type Errors, FOREIGN_FINALIZER, isForeignFinalizer, root } from '../checks.ts';
import type { Draft } from '../../machinery/object.ts';
import type * as core from '../gen/types/core.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { keep, metadataOf } from '../strategy.ts';
import { namespaceColumns } from './columns.ts';

/** Every namespace carries its name as a label, so that selectors can name it. */
const NAME_LABEL = 'kubernetes.io/metadata.name';
const FINALIZER = 'kubernetes';

const FINALIZERS = root('spec').child('finalizers');

function checkFinalizer(errors: Errors, path: FieldPath, name: string): void {
  addFaults(errors, path, name, qualifiedNameFaults(name));
  if (isForeignFinalizer(name)) errors.push(invalid(path, name, FOREIGN_FINALIZER));
}

function validateNamespace({ spec }: core.Namespace): readonly FieldError[] {
  const errors: Errors = [];
  for (const name of spec?.finalizers ?? []) checkFinalizer(errors, FINALIZERS, name);
  return errors;
}

/** For the finalize subresource. */
export function validateFinalize({ spec }: core.Namespace): readonly FieldError[] {
  const errors: Errors = [];
  for (const [i, name] of (spec?.finalizers ?? []).entries()) checkFinalizer(errors, FINALIZERS.index(i), name);
  return errors;
}

/** Its phase follows from whether it is being deleted. The path is the one that Kubernetes gives. */
function validateStatus({ metadata, status }: core.Namespace): readonly FieldError[] {
  const [phase, state] = metadata?.deletionTimestamp === undefined ? (['Active', 'empty'] as const) : (['Terminating', 'not empty'] as const);
  const fault = `may only be '${phase}' if \`deletionTimestamp\` is ${state}`;
  return status?.phase === phase ? [] : [invalid(root('status').child('Phase'), status?.phase ?? '', fault)];
}

function labelWithName(draft: Draft<core.Namespace>): void {
  const metadata = metadataOf(draft);
  if (metadata.name !== undefined && metadata.name !== '') metadata.labels = { ...metadata.labels, [NAME_LABEL]: metadata.name };
}

export const namespaceRules: KindRules<core.Namespace> = {
  strategy: {
    validateName: dns1123LabelFaults,
    default: labelWithName,
    prepareForCreate: (draft) => {
      // By now it has the name that it came without.
      labelWithName(draft);
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
    validateCreate: validateNamespace,
    status: { prepareForUpdate: (draft, old) => keep(draft, old, 'spec'), validateUpdate: validateStatus },
    specFinalizers: ({ spec }) => spec?.finalizers ?? [],
  },
  columns: namespaceColumns,
  shortNames: ['ns'],
  selectable: { names: ['status.phase'], values: ({ status }) => ({ 'status.phase': status?.phase ?? '' }) },
};
