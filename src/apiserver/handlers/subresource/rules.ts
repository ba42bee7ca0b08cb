import { stampConditions } from '../../../api/certificates/certificate-signing-request.ts';
import { validateCertificateSigningRequestApproval } from '../../../api/certificates/certificate-signing-request.validation.ts';
import type * as certificates from '../../../api/gen/types/certificates.v1.ts';
import type * as core from '../../../api/gen/types/core.v1.ts';
import { validateFinalize } from '../../../api/core/namespace.ts';
import { validateEphemeralContainersUpdate } from '../../../api/core/pod.validation.ts';
import { validatePodResize } from '../../../api/core/pod-resize.validation.ts';
import { semanticEqual } from '../../../api/equal.ts';
import { keep, setGeneration } from '../../../api/strategy.ts';
import type { FieldError } from '../../../machinery/field-error.ts';
import type { Draft, KubeObject } from '../../../machinery/object.ts';
import { formatTime } from '../../../machinery/time.ts';
import type { ChangeRules } from '../change.ts';

/** What the small subresources may change; everything else is taken from the stored object. */

interface RulesOf<T extends KubeObject> {
  readonly prepare: (draft: Draft<T>, old: T, context: { readonly nowMs: number }) => void;
  readonly validate?: (object: T, old: T) => readonly FieldError[];
  readonly resetFields?: readonly (readonly string[])[];
  readonly writtenFields?: readonly (readonly string[])[];
}

/** The paths give these rules objects of their own kind only. */
const rulesFor = <T extends KubeObject>(rules: RulesOf<T>): ChangeRules => rules as unknown as ChangeRules;

/** All of the object but for what the path is about. The version and the bookkeeping of metadata stay as the writer has them. */
function restore<T extends KubeObject>(draft: Draft<T>, old: T): void {
  const { resourceVersion } = (draft as KubeObject).metadata ?? {};
  for (const field of new Set([...Object.keys(draft), ...Object.keys(old)])) if (field !== 'kind' && field !== 'apiVersion') keep(draft, old, field);
  const metadata = (draft as { metadata?: { resourceVersion?: string } }).metadata;
  if (metadata !== undefined && resourceVersion !== undefined) metadata.resourceVersion = resourceVersion;
}

export const finalizeRules = rulesFor<core.Namespace>({
  prepare: (draft, old) => keep(draft, old, 'status'),
  validate: validateFinalize,
  resetFields: [['status']],
});

export const ephemeralContainersRules = rulesFor<core.Pod>({
  prepare: (draft, old) => {
    const wanted = draft.spec?.ephemeralContainers;
    restore(draft, old);
    if (draft.spec !== undefined) {
      if (wanted === undefined) delete draft.spec.ephemeralContainers;
      else draft.spec.ephemeralContainers = wanted;
    }
    setGeneration(draft, old, !semanticEqual(wanted, old.spec?.ephemeralContainers));
  },
  validate: validateEphemeralContainersUpdate,
  writtenFields: [['spec', 'ephemeralContainers']],
});

type Containers = Draft<core.Container>[] | undefined;

/** KEP-1287: resources of containers, by name, and their resize policies. */
export const resizeRules = rulesFor<core.Pod>({
  prepare: (draft, old) => {
    const { containers, initContainers, resources } = draft.spec ?? {};
    // Other containers, or in another order: for validation to refuse.
    if (containers?.length !== old.spec?.containers?.length || (initContainers ?? []).length !== (old.spec?.initContainers ?? []).length) return;
    restore(draft, old);
    if (draft.spec === undefined) return;
    draft.spec.containers = withResources(draft.spec.containers, containers) ?? [];
    if (initContainers !== undefined) draft.spec.initContainers = withResources(draft.spec.initContainers, initContainers);
    if (resources === undefined) delete draft.spec.resources;
    else draft.spec.resources = resources;
    setGeneration(draft, old, !semanticEqual(draft.spec, old.spec));
  },
  validate: validatePodResize,
  writtenFields: [
    ['spec', 'containers', '*', 'resources'],
    ['spec', 'containers', '*', 'resizePolicy'],
    ['spec', 'initContainers', '*', 'resources'],
    ['spec', 'initContainers', '*', 'resizePolicy'],
    ['spec', 'resources'],
  ],
});

/** The containers as they were, with the resources that are asked for; as they are asked for, where they are others. */
function withResources(before: Containers, wanted: Containers): Containers {
  if (before?.some(({ name }, i) => wanted?.[i]?.name !== name) === true) return wanted;
  return before?.map((container, i) => {
    const { resources: _resources, resizePolicy: _policy, ...rest } = container;
    const { resources, resizePolicy } = wanted?.[i] ?? {};
    return { ...rest, ...(resources === undefined ? {} : { resources }), ...(resizePolicy === undefined ? {} : { resizePolicy }) };
  });
}

/** Only conditions, with their times filled in. */
export const approvalRules = rulesFor<certificates.CertificateSigningRequest>({
  resetFields: [['spec'], ['status', 'certificate']],
  prepare: (draft, old, { nowMs }) => {
    const conditions = draft.status?.conditions;
    keep(draft, old, 'spec');
    keep(draft, old, 'status');
    draft.status = { ...draft.status, ...(conditions === undefined ? {} : { conditions }) };
    if (conditions === undefined) delete draft.status.conditions;
    stampConditions(draft, old, formatTime(nowMs));
  },
  validate: validateCertificateSigningRequestApproval,
});
