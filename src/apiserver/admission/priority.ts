import { pods, priorityClasses } from '../../api/gen/resources.ts';
import type { PriorityClass } from '../../api/gen/types/scheduling.v1.ts';
import type { Stored } from '../../machinery/object.ts';
import type { AdmissionPlugin, AdmissionRequest, StoredReader } from '../stages.ts';
import { storedGet, storedList } from '../stored.ts';
import { draftOf, isAbout, oldOf, refuse } from './request.ts';

const PREEMPT = 'PreemptLowerPriority';
const SYSTEM: readonly string[] = ['system-node-critical', 'system-cluster-critical'];

/** Priority: turns a pod's class into the number that the scheduler compares; one default class at most. */
export const priority: AdmissionPlugin = {
  name: 'Priority',
  handles: (request) => isAbout(request, pods, 'CREATE', 'UPDATE') || isAbout(request, priorityClasses, 'CREATE', 'UPDATE', 'DELETE'),
  admit(request) {
    if (request.resource !== pods.resource) return;
    if (request.operation === 'CREATE') resolve(request);
    else keep(request);
  },
  validate(request) {
    if (request.resource === priorityClasses.resource) validateClass(request);
  },
};

function resolve(request: AdmissionRequest): void {
  const { spec } = draftOf(request, pods);
  if (spec === undefined) return;
  const wanted = classOf(request, spec.priorityClassName ?? '');
  if (wanted !== undefined) spec.priorityClassName = wanted.metadata.name;
  const value = wanted?.value ?? 0;
  if (spec.priority !== undefined && spec.priority !== null && spec.priority !== value) {
    throw refuse(
      request,
      `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
    );
  }
  const policy = wanted?.preemptionPolicy ?? PREEMPT;
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== null && spec.preemptionPolicy !== policy) {
    throw refuse(
      request,
      `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
    );
  }
  spec.priority = value;
  spec.preemptionPolicy = policy;
}

/** An update that leaves them out keeps what was worked out at the start. */
function keep(request: AdmissionRequest): void {
  const { spec } = draftOf(request, pods);
  const old = oldOf(request, pods)?.spec;
  if (spec === undefined || old === undefined) return;
  if (old.priority !== undefined) spec.priority ??= old.priority;
  if (old.preemptionPolicy !== undefined) spec.preemptionPolicy ??= old.preemptionPolicy;
}

function classOf(request: AdmissionRequest, name: string): Stored<PriorityClass> | undefined {
  if (name === '') return defaultClass(request.reader);
  const found = storedGet(request.reader, priorityClasses, '', name);
  if (found === undefined) throw refuse(request, `no PriorityClass with name ${name} was found`);
  return found;
}

/** Two defaults can only come from a race: the lower one counts. */
function defaultClass(reader: StoredReader): Stored<PriorityClass> | undefined {
  let found: Stored<PriorityClass> | undefined;
  for (const each of storedList(reader, priorityClasses)) {
    if (each.globalDefault === true && (found === undefined || (each.value ?? 0) < (found.value ?? 0))) found = each;
  }
  return found;
}

function validateClass(request: AdmissionRequest): void {
  if (request.operation === 'DELETE') {
    if (SYSTEM.includes(request.name)) throw refuse(request, 'this is a system priority class and cannot be deleted');
    return;
  }
  const draft = draftOf(request, priorityClasses);
  if (draft.globalDefault !== true) return;
  const standing = defaultClass(request.reader);
  if (standing !== undefined && standing.metadata.name !== draft.metadata?.name) {
    throw refuse(request, `PriorityClass ${standing.metadata.name} is already marked as default. Only one default can exist`);
  }
}
