import { scaleColumns } from '../../../api/autoscaling/columns.ts';
import type { Kind } from '../../../api/kind.ts';
import { type FieldError, FieldPath, invalid } from '../../../machinery/field-error.ts';
import { formatLabelSelector, type LabelSelector } from '../../../machinery/labels.ts';
import type { DraftObject, JsonObject, KubeObject, ManagedFieldsEntry } from '../../../machinery/object.ts';
import { deepFreeze } from '../../../machinery/record.ts';
import { badRequest, invalidObject, objectNotFound } from '../../../machinery/status-error.ts';
import { applyPatch } from '../../../schema/apply/apply-patch.ts';
import { parentManagers, scaleManagers, type ScalePaths } from '../../../schema/apply/scale-managers.ts';
import { trackUpdate, type TrackedWrite } from '../../../schema/apply/track-update.ts';
import { copyObject } from '../../../schema/copy.ts';
import type { Core } from '../../core.ts';
import { type Expected, readObject } from '../../codec/decode.ts';
import type { StoredEntry } from '../../codec/projection.ts';
import { appliedPatch, noteDuplicates } from '../apply.ts';
import type { Answer, Call, ParsedBody } from '../call.ts';
import { changeObject, type Existing } from '../change.ts';
import { mustFind } from '../get.ts';
import { metadataOf } from '../metadata.ts';
import { APPLY_PATCH, patchDocument, readPatch } from '../patch.ts';
import { methodNotServed, type Target } from '../target.ts';
import { objectRules } from '../update.ts';
import { type WriteOptions, writeOptions } from '../write-options.ts';

/** autoscaling/v1 Scale: the replicas of deployments, replica sets, stateful sets and replication controllers. */
const SCALE: Expected = { apiVersion: 'autoscaling/v1', kind: 'Scale', typeName: 'autoscaling.v1.Scale' };
const SHOWN = { columns: scaleColumns as Kind['columns'] };

interface Scalable extends KubeObject {
  readonly spec?: { readonly replicas?: number; readonly selector?: LabelSelector | Readonly<Record<string, string>> };
  readonly status?: { readonly replicas?: number };
}

export async function serveScale(core: Core, call: Call, target: Target): Promise<Answer> {
  switch (call.method) {
    case 'GET':
      return answerOf(core, target, mustFind(core, target));
    case 'PUT': {
      const options = writeOptions(call, 'UpdateOptions');
      return setReplicas(core, call, target, options, async () => ({ scale: await readObject(core, call, SCALE, options.fieldValidation) }));
    }
    case 'PATCH': {
      const { body, type } = await readPatch(call);
      const options = writeOptions(call, 'PatchOptions', type === APPLY_PATCH);
      if (type === APPLY_PATCH) return applyScale(core, call, target, body, options);
      return setReplicas(core, call, target, options, async (existing) => {
        const document = copyObject(scaleOf(core, target, existing.entry));
        return { scale: patchDocument(core, call, { expected: SCALE, document, type, body, options }) };
      });
    }
    default:
      throw methodNotServed();
  }
}

interface Wanted {
  readonly scale: DraftObject;
  /** Of the object, where the write has worked them out. */
  readonly managed?: readonly ManagedFieldsEntry[];
}

/** Every kind with a scale has its replicas in the same place. */
const PATHS: ScalePaths = { scaleApiVersion: SCALE.apiVersion, replicas: () => ['spec', 'replicas'] };

/** A write to the Scale as managedFields see it: who writes, and what was there. */
function scaleWrite(core: Core, target: Target, { fieldManager }: WriteOptions, existing: Existing): Omit<TrackedWrite, 'next'> {
  return {
    facts: core.facts,
    typeName: SCALE.typeName,
    apiVersion: SCALE.apiVersion,
    manager: fieldManager,
    subresource: 'scale',
    nowMs: core.clock.now(),
    live: scaleOf(core, target, existing.entry),
    liveManaged: scaleManagers(existing.managed(), PATHS),
  };
}

/** Applied to the Scale: its one field belongs to whoever owns the replicas of the object. */
function applyScale(core: Core, call: Call, target: Target, body: ParsedBody, options: WriteOptions): Promise<Answer> {
  const patch = appliedPatch(body, SCALE);
  return setReplicas(core, call, target, options, (existing) => {
    const { object, managedFields } = applyPatch({ ...scaleWrite(core, target, options, existing), patch, force: options.force });
    noteDuplicates(call, body, options.fieldValidation);
    return { scale: object, managed: parentManagers(existing.managed(), managedFields, target.binding.apiVersion, PATHS) };
  });
}

/** As an update of the Scale leaves them: where nobody owned the replicas, nobody comes to. */
function managersAfterUpdate(core: Core, target: Target, options: WriteOptions, existing: Existing, scale: DraftObject): readonly ManagedFieldsEntry[] {
  const after = trackUpdate({ ...scaleWrite(core, target, options, existing), next: scale as JsonObject });
  return parentManagers(existing.managed(), after, target.binding.apiVersion, PATHS);
}

function setReplicas(core: Core, call: Call, target: Target, options: WriteOptions, wanted: (existing: Existing) => Promise<Wanted> | Wanted): Promise<Answer> {
  return changeObject(core, call, target, {
    options,
    rules: objectRules(target),
    answer: (entry) => answerOf(core, target, entry),
    produce: async (existing) => {
      if (existing === undefined) throw objectNotFound(target.binding.kind, target.name);
      const { scale, managed = managersAfterUpdate(core, target, options, existing, scale) } = await wanted(existing);
      const { name = target.name, uid, resourceVersion } = metadataOf(scale);
      if (name !== target.name && name !== '') throw badRequest(`the name of the object (${name}) does not match the name on the URL (${target.name})`);
      const replicas = (scale.spec as { readonly replicas?: number } | undefined)?.replicas ?? 0;
      const errors: FieldError[] = replicas < 0 ? [invalid(new FieldPath('spec').child('replicas'), replicas, 'must be greater than or equal to 0')] : [];
      if (errors.length > 0) throw invalidObject({ group: 'autoscaling', kind: 'Scale' }, target.name, errors);
      const draft = existing.draft();
      draft.spec = { ...(draft.spec as DraftObject | undefined), replicas };
      const meta = metadataOf(draft);
      if (uid !== undefined) meta.uid = uid;
      if ((resourceVersion ?? '') !== '') meta.resourceVersion = resourceVersion as string;
      return { draft, managed };
    },
  });
}

function answerOf(core: Core, target: Target, entry: StoredEntry): Answer {
  return { as: 'object', code: 200, body: scaleOf(core, target, entry), shown: SHOWN };
}

function scaleOf(core: Core, { binding }: Target, entry: StoredEntry): JsonObject {
  const { metadata = {}, spec, status } = core.objects.as(entry, binding) as Scalable;
  const { name, namespace, uid, creationTimestamp } = metadata;
  const selector = selectorText(spec?.selector);
  return deepFreeze({
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion: String(entry.modRevision), creationTimestamp },
    spec: spec?.replicas === undefined || spec.replicas === 0 ? {} : { replicas: spec.replicas },
    status: { replicas: status?.replicas ?? 0, ...(selector === '' ? {} : { selector }) },
  });
}

/** A replication controller selects by a plain map. */
function selectorText(selector: LabelSelector | Readonly<Record<string, string>> | undefined): string {
  if (selector === undefined) return '';
  const isSelector = 'matchLabels' in selector || 'matchExpressions' in selector || Object.keys(selector).length === 0;
  const parsed = isSelector ? (selector as LabelSelector) : { matchLabels: selector as Readonly<Record<string, string>> };
  const text = formatLabelSelector(parsed);
  return text === '<none>' ? '' : text;
}
