import { nodes, pods } from '../../api/gen/resources.ts';
import type { Binding } from '../../api/gen/types/core.v1.ts';
import type { Draft, KubeObject } from '../../machinery/object.ts';
import { getOwn, setOwn } from '../../machinery/record.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../stages.ts';
import { storedGet } from '../stored.ts';
import { isAbout } from './request.ts';

const LABELS: readonly string[] = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

/** PodTopologyLabels: a pod carries the zone and the region of the node that it is put on, so that it can read them. */
export const podTopologyLabels: AdmissionPlugin = {
  name: 'PodTopologyLabels',
  handles: (request) => isBinding(request) || isAbout(request, pods, 'CREATE'),
  admit(request) {
    const draft = request.object as unknown as Draft<KubeObject> | undefined;
    const name = nodeName(request);
    const labels = name === '' ? undefined : storedGet(request.reader, nodes, '', name)?.metadata.labels;
    if (draft === undefined || labels === undefined) return;
    for (const key of LABELS) {
      const value = getOwn(labels, key);
      if (value === undefined) continue;
      draft.metadata ??= {};
      const own: Record<string, string> = { ...draft.metadata.labels };
      setOwn(own, key, value);
      draft.metadata.labels = own;
    }
  },
};

function isBinding({ kind, resource, subresource, operation }: AdmissionRequest): boolean {
  return kind.group === '' && operation === 'CREATE' && resource === 'pods' && subresource === 'binding';
}

function nodeName(request: AdmissionRequest): string {
  if (!isBinding(request)) return (request.object as unknown as { readonly spec?: { readonly nodeName?: string } }).spec?.nodeName ?? '';
  const { target } = request.object as unknown as Binding;
  return (target.kind ?? 'Node') === 'Node' || target.kind === '' ? (target.name ?? '') : '';
}
