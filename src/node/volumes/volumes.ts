import { csiDrivers } from '../../api/gen/resources.ts';
import { Disposals } from '../../base/disposal.ts';
import { failure } from '../../base/log.ts';
import { HostError } from '../../host/host.ts';
import type { NodeComponentOptions } from '../options.ts';
import type { PodIdentity } from '../pods/pod.ts';
import { claimPlugin, uniqueNameOf } from './claim.ts';
import { configMapPlugin } from './config-map.ts';
import { CsiMounter, directoriesIn } from './csi.ts';
import { csiPlugin } from './csi-inline.ts';
import { downwardApiPlugin } from './downward-api.ts';
import { emptyDirPlugin } from './empty-dir.ts';
import { hostPathPlugin } from './host-path.ts';
import { localPlugin } from './local.ts';
import { formatMark, parseMark } from './mark.ts';
import { nfsPlugin } from './nfs.ts';
import { unescapePlugin, VolumePaths } from './paths.ts';
import { PodVolumes } from './pod-volumes.ts';
import { projectedPlugin } from './projected.ts';
import { Resizer } from './resize.ts';
import { secretPlugin } from './secret.ts';
import { Sources } from './sources.ts';
import { unbindAll } from './sub-path.ts';
import { Tokens } from './tokens.ts';
import type { VolumePlugin, VolumeTools } from './volume.ts';

/** All volumes of a node: one `PodVolumes` for each pod, and the taking down by what lies on the disk. */
export class Volumes implements AsyncDisposable {
  readonly paths: VolumePaths;
  readonly #options: NodeComponentOptions;
  readonly #tools: VolumeTools;
  readonly #plugins: readonly VolumePlugin[];
  readonly #csi: CsiMounter;
  readonly #sources: Sources;
  readonly #tokens: Tokens;
  readonly #pods = new Map<string, PodVolumes>();
  readonly #ends = new Disposals();
  readonly #inUseChanged: () => void;
  #inUse = '';

  /** `inUseChanged`: what `inUse` says has changed. */
  constructor(options: NodeComponentOptions, inUseChanged: () => void) {
    const { client, clock, random, log, host, drivers, nodeName, machine } = options;
    this.#options = options;
    this.#inUseChanged = inUseChanged;
    this.paths = new VolumePaths(options.rootDirectory);
    const drivenBy = options.informers.of(csiDrivers);
    this.#tools = {
      host,
      client,
      recorder: options.recorder,
      drivers,
      paths: this.paths,
      clock,
      log,
      nodeName,
      machine,
      csiDriver: (name) => drivenBy.get(name),
    };
    this.#sources = this.#ends.use(new Sources({ client, clock, random, log }));
    this.#tokens = new Tokens(client, clock);
    this.#csi = new CsiMounter(this.#tools, this.#tokens);
    this.#plugins = pluginsOf(this.#tools, this.#csi, this.#tokens);
  }

  /** Learns what an earlier run has left on the disk; gives the pods whose directories carry this cluster's mark. */
  async start(): Promise<readonly PodIdentity[]> {
    await this.#options.informers.of(csiDrivers).whenSynced();
    const found: PodIdentity[] = [];
    await this.#csi.loadStaged();
    for (const uid of await directoriesIn(this.#tools, this.paths.pods)) {
      const id = await this.#markOf(uid);
      if (id === undefined) continue;
      found.push(id);
      for (const directory of await this.#directoriesOf(uid)) await this.#csi.load(directory.path);
    }
    this.#follow();
    return found;
  }

  /** Once, after pods that are gone have been cleaned up. Failures are logged: the next start tries again. */
  async sweep(): Promise<void> {
    try {
      await this.#csi.unstageUnused();
    } catch (thrown) {
      this.#options.log.warn('unstaging unused volumes failed', failure(thrown));
    }
  }

  forPod(id: PodIdentity, changed: () => void): PodVolumes {
    const volumes = new PodVolumes({
      tools: this.#tools,
      plugins: this.#plugins,
      id,
      changed: () => {
        this.#compareInUse();
        changed();
      },
      prepare: () => this.#prepare(id),
      follow: (volume, again) => ({
        configMap: (pod, name) => this.#sources.configMap(`${pod.uid}/${volume}`, pod.namespace, name, again),
        secret: (pod, name) => this.#sources.secret(`${pod.uid}/${volume}`, pod.namespace, name, again),
      }),
    });
    this.#pods.set(id.uid, volumes);
    return volumes;
  }

  /** Unmounts all volumes of a pod and removes its directory. Repeat after a failure: what is done stays done. */
  async takeDown(uid: string): Promise<void> {
    const pod = this.#pods.get(uid);
    await pod?.stop();
    this.#sources.releaseAll(`${uid}/`);
    this.#tokens.forget(uid);
    if ((await this.#markOf(uid)) !== undefined) {
      await unbindAll(this.#options.host, this.paths.subPaths(uid));
      for (const { plugin, path, name } of await this.#directoriesOf(uid)) {
        const by = this.#plugins.find((p) => p.name === plugin);
        if (by !== undefined) await by.tearDown({ podUid: uid, directory: path, name });
      }
      await this.#options.host.files.removeTree(this.paths.pod(uid));
    }
    this.#pods.delete(uid);
    this.#compareInUse();
  }

  #compareInUse(): void {
    const now = this.inUse().join();
    if (now === this.#inUse) return;
    this.#inUse = now;
    this.#inUseChanged();
  }

  /** Unique names of attached volumes that are on this node, whoever still uses them, for the node's status. */
  inUse(): readonly string[] {
    const names = this.#csi.inUse().flatMap(({ driver, handle }) => uniqueNameOf(this.#tools, driver, handle) ?? []);
    return [...new Set(names)].sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pod of this.#pods.values()) pod[Symbol.dispose]();
    await this.#ends[Symbol.asyncDispose]();
  }

  #follow(): void {
    this.#ends.use(
      this.#options.drivers.onChange(() => {
        for (const pod of this.#pods.values()) pod.retry();
      }),
    );
  }

  async #prepare(id: PodIdentity): Promise<void> {
    const { files } = this.#options.host;
    await files.makeDirectory(this.paths.pod(id.uid), { mode: 0o750 });
    await files.writeFileAtomic(this.paths.mark(id.uid), formatMark(this.#options.mark, id), { mode: 0o600 });
    await files.makeDirectory(this.paths.volumes(id.uid), { mode: 0o750 });
  }

  /** Makes and marks a pod's directory; for what needs it beside volumes. Idempotent. */
  prepare(id: PodIdentity): Promise<void> {
    return this.#prepare(id);
  }

  async #markOf(uid: string): Promise<PodIdentity | undefined> {
    try {
      return parseMark(await this.#options.host.files.readText(this.paths.mark(uid), { maxBytes: 65_536 }), this.#options.mark);
    } catch (thrown) {
      if (thrown instanceof HostError && thrown.code === 'missing') return undefined;
      throw thrown;
    }
  }

  async #directoriesOf(uid: string): Promise<readonly { readonly plugin: string; readonly path: string; readonly name: string }[]> {
    const found: { plugin: string; path: string; name: string }[] = [];
    for (const root of [this.paths.volumes(uid), this.paths.devices(uid)]) {
      for (const escaped of await directoriesIn(this.#tools, root)) {
        for (const name of await directoriesIn(this.#tools, `${root}/${escaped}`))
          found.push({ plugin: unescapePlugin(escaped), path: `${root}/${escaped}/${name}`, name });
      }
    }
    return found;
  }
}

function pluginsOf(tools: VolumeTools, csi: CsiMounter, tokens: Tokens): readonly VolumePlugin[] {
  return [
    emptyDirPlugin(tools),
    hostPathPlugin(tools),
    configMapPlugin(tools),
    secretPlugin(tools),
    projectedPlugin(tools, tokens),
    downwardApiPlugin(tools),
    claimPlugin(tools, csi, new Resizer(tools, csi)),
    csiPlugin(tools, csi),
    localPlugin(tools),
    nfsPlugin(tools),
  ];
}
