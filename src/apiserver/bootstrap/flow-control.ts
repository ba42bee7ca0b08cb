import { isDeepStrictEqual } from 'node:util';
import { flowSchemas, priorityLevelConfigurations } from '../../api/gen/resources.ts';
import { failure, type Log } from '../../base/log.ts';
import { MANDATORY } from '../../api/flowcontrol/mandatory.ts';
import type { JsonObject } from '../../machinery/object.ts';
import { getOwn } from '../../machinery/record.ts';
import { StatusError } from '../../machinery/status-error.ts';
import { AUTO_UPDATE, defaultFlowSchemas, defaultPriorityLevels } from '../fairness/defaults.ts';
import type { StoredReader } from '../stages.ts';
import { storedList } from '../stored.ts';
import type { Writer } from './bootstrap.ts';
import type { BootstrapObject } from './objects.ts';

const GROUP = 'flowcontrol.apiserver.k8s.io';

/**
 * The default flow schemas and priority levels: made when they are missing, put back when their specification has changed. Who
 * sets the annotation `apf.kubernetes.io/autoupdate-spec` to `"false"` keeps a suggested one as it is; the mandatory ones are as they are.
 */
export async function reconcileFlowControl(writer: Writer): Promise<void> {
  await reconcileAll(writer);
  await Promise.all(objects('flowschemas', defaultFlowSchemas).map((schema) => writer.keepStatus(schema, dangling(schema.object, true))));
}

async function reconcileAll(writer: Writer): Promise<void> {
  const wanted = [...objects('prioritylevelconfigurations', defaultPriorityLevels), ...objects('flowschemas', defaultFlowSchemas)];
  await Promise.all(wanted.map((each) => reconcile(writer, each)));
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
  const spec = specOf(wanted, stored['spec'] as JsonObject | undefined);
  if (isDeepStrictEqual(stored['spec'], spec)) return;
  try {
    await writer.replace(wanted, { ...stored, spec });
  } catch (thrown) {
    // Somebody else changes it at this moment: the next start looks again.
    if (!(thrown instanceof StatusError && thrown.reason === 'Conflict')) throw thrown;
  }
}

/** The shares of what is exempt are the administrator's. */
function specOf({ resource, object }: BootstrapObject, stored: JsonObject | undefined): JsonObject {
  const spec = object['spec'] as JsonObject;
  const exempt = resource === 'prioritylevelconfigurations' && object.metadata.name === 'exempt' ? stored?.['exempt'] : undefined;
  return exempt === undefined ? spec : { ...spec, exempt };
}

/**
 * Keeps the default objects as they have to be (kube-apiserver looks every minute; here a change is looked at when it comes), and the
 * condition `Dangling` of every flow schema right: whether the level that it names is missing.
 */
export function followFlowControl(writer: Writer, reader: StoredReader, log: Log): Disposable {
  let pending: Promise<void> | undefined;
  let again = false;
  const check = async (): Promise<void> => {
    do {
      again = false;
      await reconcileAll(writer);
      const levels = new Set(storedList(reader, priorityLevelConfigurations).map(({ metadata }) => metadata.name));
      for (const schema of storedList(reader, flowSchemas)) {
        const object = schema as unknown as BootstrapObject['object'];
        const [wanted] = objects('flowschemas', [object]);
        if (wanted !== undefined) await writer.keepStatus(wanted, dangling(object, levels.has(schema.spec?.priorityLevelConfiguration.name ?? '')));
      }
    } while (again);
  };
  const changed = (): void => {
    again = true;
    // A conflict: it has changed meanwhile, and that comes by here again.
    pending ??= Promise.resolve()
      .then(check)
      .catch((thrown: unknown) => log.debug('the status of a flow schema was not written', failure(thrown)))
      .finally(() => {
        pending = undefined;
        if (again) changed();
      });
  };
  const watches = [flowSchemas, priorityLevelConfigurations].map(({ group, resource }) => reader.watch(group, resource, changed));
  return {
    [Symbol.dispose]: () => {
      for (const watch of watches) watch[Symbol.dispose]();
    },
  };
}

/** In the words of Kubernetes' own controller. */
function dangling({ spec }: JsonObject, exists: boolean): JsonObject {
  const { name } = (spec as JsonObject)['priorityLevelConfiguration'] as JsonObject;
  const about = `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(name)}`;
  return exists
    ? { type: 'Dangling', status: 'False', reason: 'Found', message: `${about} and it exists` }
    : { type: 'Dangling', status: 'True', reason: 'NotFound', message: `${about} but there is no such object` };
}
