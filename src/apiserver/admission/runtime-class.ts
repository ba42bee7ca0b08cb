import { pods, runtimeClasses } from '../../api/gen/resources.ts';
import type { Toleration } from '../../api/gen/types/core.v1.ts';
import type { RuntimeClass } from '../../api/gen/types/node.v1.ts';
import { semanticEqual } from '../../api/equal.ts';
import type { Draft, Stored } from '../../machinery/object.ts';
import { getOwn, setOwn } from '../../machinery/record.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../stages.ts';
import { storedGet } from '../stored.ts';
import { draftOf, isAbout, refuse } from './request.ts';

/** RuntimeClass: a pod takes over the overhead and the nodes of its class. */
export const runtimeClass: AdmissionPlugin = {
  name: 'RuntimeClass',
  handles: (request) => isAbout(request, pods, 'CREATE'),
  admit(request) {
    const found = classOf(request);
    if (found === undefined) return;
    setOverhead(request, found);
    setScheduling(request, found);
  },
  validate(request) {
    const { spec } = draftOf(request, pods);
    const defined = classOf(request)?.overhead?.podFixed;
    if (spec?.overhead === undefined || spec.overhead === null) return;
    if (defined === undefined) throw refuse(request, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
    if (!semanticEqual(defined, spec.overhead)) throw refuse(request, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
  },
};

function classOf(request: AdmissionRequest): Stored<RuntimeClass> | undefined {
  const name = draftOf(request, pods).spec?.runtimeClassName;
  if (name === undefined || name === null || name === '') return undefined;
  const found = storedGet(request.reader, runtimeClasses, '', name);
  if (found === undefined) throw refuse(request, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
  return found;
}

function setOverhead(request: AdmissionRequest, { overhead }: RuntimeClass): void {
  const { spec } = draftOf(request, pods);
  if (spec === undefined || overhead?.podFixed === undefined) return;
  if (spec.overhead !== undefined && spec.overhead !== null && !semanticEqual(overhead.podFixed, spec.overhead)) {
    throw refuse(request, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
  }
  spec.overhead = { ...overhead.podFixed };
}

function setScheduling(request: AdmissionRequest, { scheduling }: RuntimeClass): void {
  const { spec } = draftOf(request, pods);
  if (spec === undefined || scheduling === undefined) return;
  const selector: Record<string, string> = { ...spec.nodeSelector };
  for (const [key, value] of Object.entries(scheduling.nodeSelector ?? {})) {
    const own = getOwn(selector, key);
    if (own !== undefined && own !== value) {
      throw refuse(request, `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`);
    }
    setOwn(selector, key, value);
  }
  if (Object.keys(selector).length > 0) spec.nodeSelector = selector;
  const all = [...(spec.tolerations ?? []), ...(scheduling.tolerations ?? [])] as readonly Toleration[];
  if (all.length > 0) spec.tolerations = withoutCovered(all).map((each): Draft<Toleration> => ({ ...each }));
}

/** Without those that another one covers; of equal ones the first stays. */
function withoutCovered(all: readonly Toleration[]): readonly Toleration[] {
  return all.filter((each, at) => !all.some((other, index) => index !== at && covers(other, each) && (index < at || !semanticEqual(other, each))));
}

function covers(wide: Toleration, narrow: Toleration): boolean {
  if (semanticEqual(wide, narrow)) return true;
  if ((wide.key ?? '') !== (narrow.key ?? '') && ((wide.key ?? '') !== '' || wide.operator !== 'Exists')) return false;
  if ((wide.effect ?? '') !== (narrow.effect ?? '') && (wide.effect ?? '') !== '') return false;
  const seconds = wide.effect === 'NoExecute' ? wide.tolerationSeconds : undefined;
  if (seconds !== undefined && (narrow.tolerationSeconds === undefined || narrow.tolerationSeconds > seconds)) return false;
  if ((wide.operator ?? '') === 'Exists') return true;
  return ['', 'Equal'].includes(wide.operator ?? '') && narrow.operator === 'Equal' && (narrow.value ?? '') === (wide.value ?? '');
}
