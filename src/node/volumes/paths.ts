/** Where things lie below the kubelet root: the layout that CSI drivers and people know. Pure. */
export class VolumePaths {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  get pods(): string {
    return `${this.root}/pods`;
  }

  pod(uid: string): string {
    return `${this.root}/pods/${uid}`;
  }

  /** Says whose pod directory it is; without it nothing is ever cleaned up. */
  mark(uid: string): string {
    return `${this.pod(uid)}/.berth.json`;
  }

  volumes(uid: string): string {
    return `${this.pod(uid)}/volumes`;
  }

  volume(uid: string, plugin: string, name: string): string {
    return `${this.volumes(uid)}/${escapePlugin(plugin)}/${name}`;
  }

  devices(uid: string): string {
    return `${this.pod(uid)}/volumeDevices`;
  }

  device(uid: string, plugin: string, name: string): string {
    return `${this.devices(uid)}/${escapePlugin(plugin)}/${name}`;
  }

  subPaths(uid: string): string {
    return `${this.pod(uid)}/volume-subpaths`;
  }

  /** `index`: of the mount in the container. */
  subPath(uid: string, volume: string, container: string, index: number): string {
    return `${this.subPaths(uid)}/${volume}/${container}/${index}`;
  }

  /** Files that are made for one container: its termination log. */
  container(uid: string, container: string): string {
    return `${this.pod(uid)}/containers/${container}`;
  }

  etcHosts(uid: string): string {
    return `${this.pod(uid)}/etc-hosts`;
  }

  csi(): string {
    return `${this.root}/plugins/kubernetes.io/csi`;
  }

  /** The directory of one staged volume: `globalmount` and `vol_data.json` in it. `digest`: of the volume handle. */
  csiStaging(driver: string, digest: string): string {
    return `${this.csi()}/${driver}/${digest}`;
  }

  csiBlock(): string {
    return `${this.csi()}/volumeDevices`;
  }
}

/** `kubernetes.io/csi` → `kubernetes.io~csi`. */
export function escapePlugin(name: string): string {
  return name.replaceAll('/', '~');
}

export function unescapePlugin(directory: string): string {
  return directory.replaceAll('~', '/');
}
