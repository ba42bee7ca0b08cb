/**
 * What the node's server asks of the pods on this node. The kubelet implements it from what it runs; the answers say what the
 * server needs to find logs and streams, no more.
 */
export interface PodLookup {
  /** Undefined: no such pod on this node. With `uid` only the pod with that UID is meant. */
  pod(namespace: string, name: string, uid?: string): PodOnNode | undefined;
  /** The pods as the kubelet knows them, as API objects with kind and apiVersion left out: the items of `/pods`. */
  pods(): readonly object[];
  /** For /stats/summary and /metrics. */
  running(): readonly PodOnNode[];
}

export interface PodOnNode {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Undefined: no sandbox is ready. */
  readonly sandboxId: string | undefined;
  /** With host network, port-forward goes to the host's own ports. */
  readonly hostNetwork: boolean;
  /** In the order of the spec: init, ordinary, ephemeral. */
  readonly containers: readonly ContainerOnNode[];
}

export interface ContainerOnNode {
  readonly name: string;
  /** Of the spec: what exec and attach may use. */
  readonly tty: boolean;
  readonly stdin: boolean;
  /** The current or last instance; undefined: none was made yet. */
  readonly current: ContainerInstance | undefined;
  /** The one before it, while its log is kept: `kubectl logs --previous`. */
  readonly previous: ContainerInstance | undefined;
  /** Why there is none: `ContainerCreating`, `ErrImagePull` …; empty otherwise. */
  readonly waitingReason: string;
}

export interface ContainerInstance {
  readonly id: string;
  readonly running: boolean;
  /** Absolute path of its log, in CRI's format. */
  readonly logPath: string;
}
