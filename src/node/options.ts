import type { ComponentOptions } from '../client/component.ts';
import type { CsiDriver } from '../csi/driver.ts';
import type { Host } from '../host/host.ts';
import type { DeviceSource } from './devices/source.ts';
import type { ProbeNetwork } from './probes/network.ts';
import type { Runtime } from './runtime/runtime.ts';

/** What one node is started with. Everything is read and checked by `cluster/`; nothing here has a default of its own. */
export interface NodeOptions {
  readonly nodeName: string;
  /** Marks every directory that this node makes: clean-up touches only what carries it. The cluster's UID. */
  readonly mark: string;
  readonly runtime: Runtime;
  readonly host: Host;
  /** HTTP, TCP and gRPC probes and HTTP hooks. */
  readonly network: ProbeNetwork;
  /** A CSI driver that serves this node, by name. Undefined: not registered (yet). */
  readonly drivers: Drivers;
  /** The kubelet root, `/var/lib/kubelet` or below the data directory: `pods/` and `plugins/` lie in it. */
  readonly rootDirectory: string;
  /** `<dir>/<ns>_<name>_<uid>/<container>/<n>.log`. */
  readonly podLogDirectory: string;
  /** Address of the node in the cluster, IPv4 or IPv6; the first is the primary one. */
  readonly addresses: readonly string[];
  /** Where the node's HTTPS server listens. */
  readonly port: number;
  readonly machine: Machine;
  /** Devices that are only counted: `nvidia.com/gpu` → 2. */
  readonly extendedResources: Readonly<Record<string, number>>;
  /** Devices that device plugins bring; absent: there are none. */
  readonly deviceSource?: DeviceSource | undefined;
  /** Added to those that every node has. */
  readonly labels: Readonly<Record<string, string>>;
  readonly maxPods: number;
  readonly dns: ClusterDns;
  /** Of pods' cgroups, as the runtime wants it: `/berth-1a2b` or `berth-1a2b.slice`. */
  readonly cgroupParent: string;
  /** Rotated when a log is longer, that many files kept in all. */
  readonly logs: { readonly maxBytes: number; readonly maxFiles: number };
}

export interface Drivers {
  find(name: string): CsiDriver | undefined;
  list(): readonly CsiDriver[];
  /** Called after a driver came or went. */
  onChange(listener: () => void): Disposable;
}

/** The cluster's name server; no addresses when there is none, then pods get the node's own resolv.conf. */
export interface ClusterDns {
  readonly servers: readonly string[];
  /** `cluster.local` */
  readonly domain: string;
  /** The node's own, as in its resolv.conf. */
  readonly host: { readonly servers: readonly string[]; readonly searches: readonly string[]; readonly options: readonly string[] };
}

/** What the machine is; figures that change (memory in use, free disk) are asked of `host`. */
export interface Machine {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly ephemeralStorageBytes: number;
  /** `linux` */
  readonly operatingSystem: string;
  /** Go's name: `amd64`, `arm64`. */
  readonly architecture: string;
  readonly kernelVersion: string;
  readonly osImage: string;
  readonly machineId: string;
  readonly systemUuid: string;
  readonly bootId: string;
  readonly hostname: string;
}

export type NodeComponentOptions = ComponentOptions & NodeOptions;
