import { isDeepStrictEqual } from 'node:util';
import type { JsonObject } from '../../machinery/object.ts';
import { getOwn } from '../../machinery/record.ts';
import { StatusError } from '../../machinery/status-error.ts';
import { AUTO_UPDATE, defaultFlowSchemas, defaultPriorityLevels, MANDATORY } from '../fairness/defaults.ts';
import type { Writer } from './bootstrap.ts';
import type { BootstrapObject } from './objects.ts';

const GROUP = 'flowcontrol.apiserver.k8s.io';

/**
 * The default flow schemas and priority levels: made when they are missing, put back when their specification has changed. Who
 * sets the annotation `apf.kubernetes.io/autoupdate-spec` to `"false"` keeps a suggested one as it is; the mandatory ones are as they are.
 */
export async function reconcileFlowControl(writer: Writer): Promise<void> {
  await Promise.all([...objects('prioritylevelconfigurations', defaultPriorityLevels), ...objects('flowschemas', defaultFlowSchemas)].map((wanted) => reconcile(writer, wanted)));
  await Promise.all(objects('flowschemas', defaultFlowSchemas).map((schema) => writer.keepStatus(schema, notDangling(schema.object))));
}

function objects(resource: string, all: readonly object[]): readonly BootstrapObject[] {
  return all.map((object) => ({ path: `/apis/${GROUP}/v1/${resource}`, group: GROUP, resource, object: object as BootstrapObject['object'] }));
}

async function reconcile(writer: Writer, wanted: BootstrapObject): Promise<void> {
  const stored = writer.find(wanted) as JsonObject | undefined;
  if (stored === undefined) return writer.ensure(wanted);
  const { name } = wanted.object.metadata;
  const annotations = (stored['metadata'] as JsonObject)['annotations'] as JsonObject | undefined;
  if (!MANDATORY.has(name) && getOwn(annotations, AUTO_UPDATE) === 'false') return;
  if (isDeepStrictEqual(stored['spec'], wanted.object['spec'])) return;
  try {
    await writer.replace(wanted, { ...stored, spec: wanted.object['spec'] ?? {} });
  } catch (thrown) {
    // Somebody else changes it at this moment: the next start looks again.
    if (!(thrown instanceof StatusError && thrown.reason === 'Conflict')) throw thrown;
  }
}

function notDangling({ spec }: JsonObject): JsonObject {
  const { name } = (spec as JsonObject)['priorityLevelConfiguration'] as JsonObject;
  return { type: 'Dangling', status: 'False', reason: 'Found', message: `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(name)} and it exists` };
}
