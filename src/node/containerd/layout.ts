import { isAbsolute, join } from 'node:path';

/** Where one cluster's containerd keeps what is its own. All paths absolute; nothing is shared with another cluster. */
export interface ContainerdLayout {
  readonly clusterId: string;
  readonly directory: string;
  readonly configFile: string;
  readonly rootDirectory: string;
  readonly stateDirectory: string;
  readonly socket: string;
  readonly ttrpcSocket: string;
  readonly logFile: string;
  readonly pidFile: string;
  /** Directory for `<registry host>/hosts.toml`. */
  readonly registryDirectory: string;
  readonly cniConfigDirectory: string;
  readonly ipamDirectory: string;
  /** Relative to each cgroup hierarchy's mount, with a leading slash. Pods go below `<cgroup>/pods`. */
  readonly cgroup: string;
  readonly podCgroup: string;
}

/** sun_path less the final zero: unix(7). */
export const LONGEST_SOCKET_PATH = 107;

/** `clusterId`: lower-case letters, digits and dashes; short, since it goes into socket paths. */
export function containerdLayout(dataDirectory: string, clusterId: string, runDirectory = '/run'): ContainerdLayout {
  if (!isAbsolute(dataDirectory)) throw new Error(`the data directory must be absolute: ${dataDirectory}`);
  if (!/^[a-z0-9][a-z0-9-]{0,39}$/.test(clusterId)) throw new Error(`not a cluster id: ${clusterId}`);
  const directory = join(dataDirectory, 'containerd');
  const longest = join(directory, 'containerd.sock.ttrpc');
  const sockets = Buffer.byteLength(longest) <= LONGEST_SOCKET_PATH ? directory : join(runDirectory, `berth-${clusterId}`);
  return {
    clusterId,
    directory,
    configFile: join(directory, 'config.toml'),
    rootDirectory: join(directory, 'root'),
    stateDirectory: join(directory, 'state'),
    socket: join(sockets, 'containerd.sock'),
    ttrpcSocket: join(sockets, 'containerd.sock.ttrpc'),
    logFile: join(directory, 'containerd.log'),
    pidFile: join(directory, 'containerd.pid'),
    registryDirectory: join(directory, 'registries'),
    cniConfigDirectory: join(dataDirectory, 'cni', 'conf'),
    ipamDirectory: join(dataDirectory, 'cni', 'ipam'),
    cgroup: `/berth-${clusterId}`,
    podCgroup: `/berth-${clusterId}/pods`,
  };
}
