import type * as core from '../../../api/gen/types/core.v1.ts';
import { type FieldError, FieldPath, notSupported, required } from '../../../machinery/field-error.ts';
import type { Draft } from '../../../machinery/object.ts';
import { deepFreeze } from '../../../machinery/record.ts';
import { badRequest, conflict, invalidObject, objectNotFound } from '../../../machinery/status-error.ts';
import { formatTime } from '../../../machinery/time.ts';
import type { Core } from '../../core.ts';
import { readObject } from '../../codec/decode.ts';
import { Admission } from '../admission.ts';
import type { Answer, Call } from '../call.ts';
import { type ChangeRules, changeObject } from '../change.ts';
import { settleNamed } from '../update.ts';
import { methodNotServed, type Target } from '../target.ts';
import { writeOptions } from '../write-options.ts';
import { metadataOf } from '../metadata.ts';

const PODS = { group: '', resource: 'pods' };
/** The scheduler's word is the spec: nothing is restored. */
const NO_RULES: ChangeRules = {};

const BINDING = { apiVersion: 'v1', kind: 'Binding', typeName: 'core.v1.Binding' };

/** POST bindings: the old form, which names its pod in the body only. */
export async function bindByCollection(core: Core, call: Call, target: Target): Promise<Answer> {
  const binding = core.registry.find('v1', 'pods');
  if (binding === undefined || target.name !== '' || target.namespace === '' || call.method !== 'POST') throw methodNotServed();
  const { name = '' } = metadataOf(await readObject(core, call, BINDING, 'Ignore'));
  if (name === '') throw badRequest('name is required');
  return bindPod(core, call, { ...target, binding, name, subresource: 'binding' });
}

/** POST pods/NAME/binding: assigns a pod to a node, once. */
export async function bindPod(core: Core, call: Call, target: Target): Promise<Answer> {
  const options = writeOptions(call, 'CreateOptions');
  const draft = await readObject(core, call, BINDING, options.fieldValidation);
  settleNamed(target, metadataOf(draft), 'Binding');
  const admission = new Admission(core, call, target, {
    operation: 'CREATE',
    name: target.name,
    object: draft,
    old: undefined,
    options: options.json,
    dryRun: options.dryRun,
  });
  await admission.mutate();
  const binding = draft as unknown as core.Binding;
  const errors = validateBinding(binding);
  if (errors.length > 0) throw invalidObject({ group: '', kind: 'Binding' }, target.name, errors);
  await admission.validate();
  await changeObject(core, call, target, {
    options,
    rules: NO_RULES,
    admit: false,
    produce: (existing) => {
      if (existing === undefined) throw objectNotFound(PODS, target.name);
      const pod = existing.draft();
      // Another pod of the same name is not the one that was meant.
      const { uid, resourceVersion } = binding.metadata ?? {};
      if (uid !== undefined && uid !== '') metadataOf(pod).uid = uid;
      if (resourceVersion !== undefined && resourceVersion !== '') metadataOf(pod).resourceVersion = resourceVersion;
      assign(pod as unknown as Draft<core.Pod>, binding, target.name, formatTime(core.clock.now()));
      return { draft: pod, managed: existing.managed() };
    },
  });
  return { as: 'object', code: 201, body: deepFreeze({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }) };
}

function validateBinding({ target }: core.Binding): readonly FieldError[] {
  const path = new FieldPath('target');
  const errors: FieldError[] = [];
  const kind = target?.kind ?? '';
  if (kind !== '' && kind !== 'Node') errors.push(notSupported(path.child('kind'), kind, ['Node', '<empty>']));
  if ((target?.name ?? '') === '') errors.push(required(path.child('name')));
  return errors;
}

function assign(pod: Draft<core.Pod>, { metadata, target }: core.Binding, name: string, now: string): void {
  if (pod.metadata?.deletionTimestamp !== undefined)
    throw conflict({ group: '', resource: 'pods/binding' }, name, `pod ${name} is being deleted, cannot be assigned to a host`);
  const assigned = pod.spec?.nodeName ?? '';
  if (assigned !== '') throw conflict({ group: '', resource: 'pods/binding' }, name, `pod ${name} is already assigned to node ${JSON.stringify(assigned)}`);
  if ((pod.spec?.schedulingGates ?? []).length > 0)
    throw conflict({ group: '', resource: 'pods/binding' }, name, `pod ${name} has non-empty .spec.schedulingGates`);
  const { spec } = pod;
  if (spec !== undefined) spec.nodeName = target?.name ?? '';
  const { annotations, labels } = metadata ?? {};
  if (annotations !== undefined && pod.metadata !== undefined) pod.metadata.annotations = { ...pod.metadata.annotations, ...annotations };
  // The node's zone and region, which admission put there (PodTopologyLabels).
  if (labels !== undefined && pod.metadata !== undefined) pod.metadata.labels = { ...pod.metadata.labels, ...labels };
  pod.status ??= {};
  const conditions = (pod.status.conditions ?? []).filter(({ type }) => type !== 'PodScheduled');
  pod.status.conditions = [...conditions, { type: 'PodScheduled', status: 'True', lastTransitionTime: now }];
}
