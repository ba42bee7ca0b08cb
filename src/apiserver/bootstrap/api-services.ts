import type { Kind } from '../../api/kind.ts';
import type { BootstrapObject } from './objects.ts';

const GROUP = 'apiregistration.k8s.io';

/** Where each group stands in what clients are shown, and each version in its group: higher comes first (kube-apiserver's own table). */
const PRIORITIES: Readonly<Record<string, readonly [group: number, versions: Readonly<Record<string, number>>]>> = {
  '': [18_000, { v1: 1 }],
  apps: [17_800, { v1: 15 }],
  'events.k8s.io': [17_750, { v1: 15 }],
  'authentication.k8s.io': [17_700, { v1: 15, v1beta1: 9, v1alpha1: 1 }],
  'authorization.k8s.io': [17_600, { v1: 15 }],
  autoscaling: [17_500, { v1: 15, v2: 30 }],
  batch: [17_400, { v1: 15 }],
  'certificates.k8s.io': [17_300, { v1: 15, v1beta1: 9, v1alpha1: 1 }],
  'networking.k8s.io': [17_200, { v1: 15, v1beta1: 9, v1alpha1: 1 }],
  policy: [17_100, { v1: 15 }],
  'rbac.authorization.k8s.io': [17_000, { v1: 15 }],
  'storage.k8s.io': [16_800, { v1: 15, v1beta1: 9, v1alpha1: 1 }],
  'apiextensions.k8s.io': [16_700, { v1: 15 }],
  'admissionregistration.k8s.io': [16_700, { v1: 15, v1beta1: 12, v1alpha1: 9 }],
  'scheduling.k8s.io': [16_600, { v1: 15, v1alpha2: 9, v1alpha1: 9 }],
  'coordination.k8s.io': [16_500, { v1: 15, v1beta1: 13, v1alpha2: 12 }],
  'node.k8s.io': [16_300, { v1: 15 }],
  'discovery.k8s.io': [16_200, { v1: 15 }],
  'resource.k8s.io': [16_200, { v1: 20, v1beta2: 15, v1beta1: 9, v1alpha3: 1 }],
  'flowcontrol.apiserver.k8s.io': [16_100, { v1: 21 }],
  'internal.apiserver.k8s.io': [16_000, { v1alpha1: 9 }],
  'storagemigration.k8s.io': [15_800, { v1: 15, v1beta1: 9, v1alpha1: 9 }],
};

/** An APIService for every version that this server serves itself; the one of APIServices is not among them. */
export function localApiServices(kinds: readonly Kind[]): readonly BootstrapObject[] {
  const served = new Map(kinds.map(({ group, version }) => [`${version}.${group}`, { group, version }]));
  return [...served].flatMap(([name, { group, version }]) => {
    const [groupPriorityMinimum, versions] = PRIORITIES[group] ?? [];
    const versionPriority = versions?.[version];
    // What is not in the table may be a custom resource's group, which has its own.
    if (groupPriorityMinimum === undefined || versionPriority === undefined) return [];
    return [apiService(name, { group, version, groupPriorityMinimum, versionPriority })];
  });
}

interface ApiServiceSpec {
  readonly group: string;
  readonly version: string;
  readonly groupPriorityMinimum: number;
  readonly versionPriority: number;
}

function apiService(name: string, { group, ...spec }: ApiServiceSpec): BootstrapObject {
  return {
    path: `/apis/${GROUP}/v1/apiservices`,
    group: GROUP,
    resource: 'apiservices',
    object: {
      apiVersion: `${GROUP}/v1`,
      kind: 'APIService',
      metadata: { name, labels: { 'kube-aggregator.kubernetes.io/automanaged': 'onstart' } },
      spec: { ...(group === '' ? {} : { group }), ...spec },
    },
  };
}
