import { type FieldError, FieldPath, invalid } from '../../../machinery/field-error.ts';
import { formatLabelSelector, type LabelSelector } from '../../../machinery/labels.ts';
import type { DraftObject, JsonObject, KubeObject } from '../../../machinery/object.ts';
import { deepFreeze } from '../../../machinery/record.ts';
import { badRequest, invalidObject, objectNotFound } from '../../../machinery/status-error.ts';
import { copyObject } from '../../../schema/copy.ts';
import type { Core } from '../../core.ts';
import { type Expected, readObject } from '../../codec/decode.ts';
import type { StoredEntry } from '../../codec/projection.ts';
import type { Answer, Call } from '../call.ts';
import { changeObject, type Existing } from '../change.ts';
import { mustFind } from '../get.ts';
import { metadataOf } from '../metadata.ts';
import { APPLY_PATCH, patchDocument, readPatch } from '../patch.ts';
import { methodNotServed, type Target } from '../target.ts';
import { objectRules } from '../update.ts';
import { type WriteOptions, writeOptions } from '../write-options.ts';

/** autoscaling/v1 Scale: the replicas of deployments, replica sets, stateful sets and replication controllers. */
const SCALE: Expected = { apiVersion: 'autoscaling/v1', kind: 'Scale', typeName: 'autoscaling.v1.Scale' };

interface Scalable extends KubeObject {
  readonly spec?: { readonly replicas?: number; readonly selector?: LabelSelector | Readonly<Record<string, string>> };
  readonly status?: { readonly replicas?: number };
}

export async function serveScale(core: Core, call: Call, target: Target): Promise<Answer> {
  switch (call.method) {
    case 'GET':
    case 'HEAD':
      return answerOf(core, target, mustFind(core, target));
    case 'PUT': {
      const options = writeOptions(call, 'UpdateOptions');
      return setReplicas(core, call, target, options, async () => readObject(core, call, SCALE, options.fieldValidation));
    }
    case 'PATCH': {
      const { body, type } = await readPatch(call);
      const options = writeOptions(call, 'PatchOptions', type === APPLY_PATCH);
      // An applied Scale is one field: it is merged, under its manager's name.
      const form = type === APPLY_PATCH ? 'application/merge-patch+json' : type;
      return setReplicas(core, call, target, options, async (existing) => {
        if (existing === undefined) throw objectNotFound(target.binding.kind, target.name);
        const document = copyObject(scaleOf(core, target, existing.entry));
        return patchDocument(core, call, { expected: SCALE, document, type: form, body, options });
      });
    }
    default:
      throw methodNotServed();
  }
}

type Wanted = (existing: Existing | undefined) => Promise<DraftObject>;

function setReplicas(core: Core, call: Call, target: Target, options: WriteOptions, wanted: Wanted): Promise<Answer> {
  return changeObject(core, call, target, {
    options,
    rules: objectRules(target),
    answer: (entry) => answerOf(core, target, entry),
    produce: async (existing) => {
      if (existing === undefined) throw objectNotFound(target.binding.kind, target.name);
      const scale = await wanted(existing);
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
      return { draft };
    },
  });
}

function answerOf(core: Core, target: Target, entry: StoredEntry): Answer {
  return { as: 'object', code: 200, body: scaleOf(core, target, entry) };
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
