import type { JsonObject } from '../../machinery/object.ts';

/** What has to be there before anybody is told that the server is ready. `path`: of the collection. */
export interface BootstrapObject {
  readonly path: string;
  readonly group: string;
  readonly resource: string;
  readonly object: JsonObject & { readonly metadata: JsonObject & { readonly name: string; readonly namespace?: string } };
}

export interface ClusterAddresses {
  /** First address of the service range: `10.96.0.1`. */
  readonly serviceIp: string;
  readonly serviceCidr: string;
  /** Where pods reach the API server: an address of the machine, not a loopback. */
  readonly advertiseIp: string;
  readonly port: number;
}

export const NAMESPACES: readonly string[] = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

export function namespaceObjects(): readonly BootstrapObject[] {
  return NAMESPACES.map((name) => ({
    path: '/api/v1/namespaces',
    group: '',
    resource: 'namespaces',
    object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
  }));
}

export function priorityClassObjects(): readonly BootstrapObject[] {
  const rows: readonly (readonly [name: string, value: number, description: string])[] = [
    ['system-node-critical', 2_000_001_000, 'Used for system critical pods that must not be moved from their current node.'],
    ['system-cluster-critical', 2_000_000_000, 'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.'],
  ];
  return rows.map(([name, value, description]) => ({
    path: '/apis/scheduling.k8s.io/v1/priorityclasses',
    group: 'scheduling.k8s.io',
    resource: 'priorityclasses',
    object: { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name }, value, globalDefault: false, description },
  }));
}

export function serviceCidrObject({ serviceCidr }: ClusterAddresses): BootstrapObject {
  return {
    path: '/apis/networking.k8s.io/v1/servicecidrs',
    group: 'networking.k8s.io',
    resource: 'servicecidrs',
    object: { apiVersion: 'networking.k8s.io/v1', kind: 'ServiceCIDR', metadata: { name: 'kubernetes' }, spec: { cidrs: [serviceCidr] } },
  };
}

const LABELS = { component: 'apiserver', provider: 'kubernetes' } as const;
const inDefault = (labels: Readonly<Record<string, string>>) => ({ name: 'kubernetes', namespace: 'default', labels });

/** The Service by which pods find the API server; made first, so that it gets the first address. */
export function kubernetesService({ serviceIp, port }: ClusterAddresses): BootstrapObject {
  return {
    path: '/api/v1/namespaces/default/services',
    group: '',
    resource: 'services',
    object: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: inDefault(LABELS),
      spec: {
        type: 'ClusterIP',
        clusterIP: serviceIp,
        clusterIPs: [serviceIp],
        ipFamilies: ['IPv4'],
        ipFamilyPolicy: 'SingleStack',
        sessionAffinity: 'None',
        ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: port }],
      },
    },
  };
}

/** Where that Service leads; kept right when the machine's address changes. */
export function kubernetesEndpoints({ advertiseIp, port }: ClusterAddresses): readonly BootstrapObject[] {
  const ports = [{ name: 'https', port, protocol: 'TCP' }];
  return [
    {
      path: '/api/v1/namespaces/default/endpoints',
      group: '',
      resource: 'endpoints',
      object: {
        apiVersion: 'v1',
        kind: 'Endpoints',
        metadata: inDefault({ 'endpointslice.kubernetes.io/skip-mirror': 'true' }),
        subsets: [{ addresses: [{ ip: advertiseIp }], ports }],
      },
    },
    {
      path: '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices',
      group: 'discovery.k8s.io',
      resource: 'endpointslices',
      object: {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: inDefault({ 'kubernetes.io/service-name': 'kubernetes' }),
        addressType: advertiseIp.includes(':') ? 'IPv6' : 'IPv4',
        endpoints: [{ addresses: [advertiseIp], conditions: { ready: true } }],
        ports,
      },
    },
  ];
}

/** What aggregated API servers read to know whom to trust. */
export function authenticationConfig(caPem: string): BootstrapObject {
  return {
    path: '/api/v1/namespaces/kube-system/configmaps',
    group: '',
    resource: 'configmaps',
    object: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'extension-apiserver-authentication', namespace: 'kube-system' },
      data: { 'client-ca-file': caPem },
    },
  };
}
