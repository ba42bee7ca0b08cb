import type { UserInfo } from '../../machinery/exchange.ts';

/** Who the parts of a cluster are. `cluster/` hands them to the in-process client and puts them into certificates. */
const member = (name: string, ...groups: readonly string[]): UserInfo => ({ name, groups: [...groups, 'system:authenticated'] });

/** The owner's own kubeconfig. */
export const ADMIN = member('kubernetes-admin', 'system:masters');
/** The API server itself: bootstrap objects, and what it shows to nodes. */
export const API_SERVER = member('system:apiserver', 'system:masters');
/** The API server's client certificate towards nodes. */
export const KUBELET_CLIENT = member('kube-apiserver-kubelet-client', 'system:masters');
export const CONTROLLERS = member('system:kube-controller-manager');
export const SCHEDULER = member('system:kube-scheduler');
/** Binder, provisioner, attacher, snapshots; also the part that runs beside a node's pool. */
export const STORAGE = member('system:berth-storage');
/** Services, DNS, load balancer, ingress. */
export const NETWORK = member('system:kube-proxy');
/** A node's agent: Node authorizer and NodeRestriction hold for it. */
export const nodeIdentity = (name: string): UserInfo => member(`system:node:${name}`, 'system:nodes');
