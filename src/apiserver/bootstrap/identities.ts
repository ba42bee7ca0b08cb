import type { UserInfo } from '../../machinery/exchange.ts';

/** Who the parts of a cluster are. `cluster/` hands them to the in-process client and puts them into certificates. */
const member = (name: string, ...groups: readonly string[]): UserInfo => ({ name, groups: [...groups, 'system:authenticated'] });

/** The owner's own kubeconfig. */
export const ADMIN = member('kubernetes-admin', 'system:masters');
/** The API server itself: bootstrap objects, and what it shows to nodes. */
export const API_SERVER = member('system:apiserver', 'system:masters');
/** The API server's client certificate towards nodes. */
export const KUBELET_CLIENT = member('kube-apiserver-kubelet-client', 'system:masters');
/** Reads for all controllers, which share what they see; each writes as its own service account. */
export const CONTROLLERS = member('system:kube-controller-manager');
export const SCHEDULER = member('system:kube-scheduler');
/** Who a pod, or a controller of a cluster, is to the API server. */
export const serviceAccountIdentity = (namespace: string, name: string): UserInfo =>
  member(`system:serviceaccount:${namespace}:${name}`, 'system:serviceaccounts', `system:serviceaccounts:${namespace}`);
/** Controllers are service accounts of kube-system, each with the role `system:controller:NAME`, or `berth:NAME` where it is ours. */
export const controllerIdentity = (name: string): UserInfo => serviceAccountIdentity('kube-system', name);
/** Reads for binder and attach-detach controller, which write as themselves. */
export const STORAGE = controllerIdentity('berth-storage');
/** What makes, grows, attaches and deletes the volumes of a node's pool. */
export const POOL_NODE = controllerIdentity('berth-pool-node');
/** Says what of Services and Ingresses has no effect. */
export const NETWORK_NOTICES = controllerIdentity('berth-network-notices');
/** A node's agent: Node authorizer and NodeRestriction hold for it. */
export const nodeIdentity = (name: string): UserInfo => member(`system:node:${name}`, 'system:nodes');
