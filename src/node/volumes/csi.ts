import { serviceAccounts } from '../../api/gen/resources.ts';
import type { CSIDriver } from '../../api/gen/types/storage.v1.ts';
import { KeyedLock } from '../../base/keyed-lock.ts';
import type { CsiDriver, NodePublish, Secrets, StringMap, VolumeCapability } from '../../csi/driver.ts';
import { setOwn } from '../../machinery/record.ts';
import { formatTime } from '../../machinery/time.ts';
import { spec } from '../pods/pod.ts';
import { type CsiData, readCsiData, removeCsiData, writeCsiData } from './csi-data.ts';
import { type CsiRequest, capabilityOf, isFinal, podInfo, translated, wantsOwnership } from './csi-request.ts';
import { digest } from './digest.ts';
import type { Tokens } from './tokens.ts';
import { type MountedVolume, VolumeError, type VolumeTools } from './volume.ts';

export const CSI_PLUGIN = 'kubernetes.io/csi';
/** How often volumes are published again, for drivers that ask for it. */
const REPUBLISH_MS = 60_000;

/** Stages and publishes volumes of CSI drivers on this node, and undoes it from what lies on the disk. */
export class CsiMounter {
  readonly #tools: VolumeTools;
  readonly #tokens: Tokens;
  readonly #lock = new KeyedLock();
  /** Directories of pods' volumes → what is in them. */
  readonly #uses = new Map<string, CsiData>();
  /** Staging directories → what is, or may be, staged there. */
  readonly #staged = new Map<string, CsiData>();

  constructor(tools: VolumeTools, tokens: Tokens) {
    this.#tools = tools;
    this.#tokens = tokens;
  }

  /** Learns at start of what an earlier run has staged: it is in use until it has been taken down. */
  async loadStaged(): Promise<void> {
    for (const { home, data } of await this.#stagings()) this.#staged.set(home, data);
  }

  /** Persistent volumes that are on this node in whatever part: none of them may be detached from it. */
  inUse(): readonly { readonly driver: string; readonly handle: string }[] {
    return [...this.#uses.values(), ...this.#staged.values()]
      .filter((d) => d.volumeLifecycleMode === 'Persistent')
      .map((d) => ({ driver: d.driverName, handle: d.volumeHandle }));
  }

  /** Learns at start of what an earlier run has mounted. */
  async load(directory: string): Promise<void> {
    const data = await readCsiData(this.#tools.host, directory);
    if (data !== undefined) this.#uses.set(directory, data);
  }

  /** Whether a pod other than this one uses the persistent volume on this node. */
  #isUsedByOthers({ driver, handle, id }: CsiRequest): boolean {
    return [...this.#uses].some(([directory, data]) => data.driverName === driver && data.volumeHandle === handle && !directory.includes(`/${id.uid}/`));
  }

  driver(name: string): CsiDriver {
    const driver = this.#tools.drivers.find(name);
    if (driver === undefined) throw new VolumeError('failed', `driver name ${name} not found in the list of registered CSI drivers`);
    return driver;
  }

  setUp(request: CsiRequest): Promise<MountedVolume> {
    return this.#lock.run(keyOf(request.driver, request.handle), () => this.#setUp(request));
  }

  async tearDown(directory: string): Promise<void> {
    const data = this.#uses.get(directory) ?? (await readCsiData(this.#tools.host, directory));
    if (data === undefined) return this.#removeEmpty(directory);
    await this.#lock.run(keyOf(data.driverName, data.volumeHandle), () => this.#tearDown(directory, data));
  }

  /** Takes down what is staged and used by no pod: left over from a run that ended between two steps. */
  async unstageUnused(): Promise<void> {
    for (const { data } of await this.#stagings()) await this.#lock.run(keyOf(data.driverName, data.volumeHandle), () => this.#unstage(data));
  }

  async #stagings(): Promise<readonly { readonly home: string; readonly data: CsiData }[]> {
    const { host, paths, nodeName } = this.#tools;
    const found: { home: string; data: CsiData }[] = [];
    for (const driver of await directoriesIn(this.#tools, paths.csi())) {
      if (driver === 'volumeDevices') continue;
      for (const name of await directoriesIn(this.#tools, `${paths.csi()}/${driver}`)) {
        const home = `${paths.csi()}/${driver}/${name}`;
        const data = await readCsiData(host, home);
        if (data?.nodeName === nodeName) found.push({ home, data });
      }
    }
    return found;
  }

  async #setUp(request: CsiRequest): Promise<MountedVolume> {
    const { host } = this.#tools;
    const driver = this.driver(request.driver);
    // Under the volume's lock: of two pods that come at once, the second sees the first.
    if (request.exclusive && this.#isUsedByOthers(request))
      throw new VolumeError('failed', 'volume uses the ReadWriteOncePod access mode and is already in use by another pod');
    const directory = this.#directoryOf(request);
    const data: CsiData = {
      driverName: request.driver,
      volumeHandle: request.handle,
      specVolID: request.name,
      volumeLifecycleMode: request.lifecycle,
      nodeName: this.#tools.nodeName,
    };
    const target = this.#targetOf(request);
    const csiDriver = this.#tools.csiDriver(request.driver);
    const capability = await capabilityOf(request, driver, csiDriver);
    const staged = request.lifecycle === 'Persistent' ? await this.#stage(driver, request, data, capability) : '';
    const again = csiDriver?.spec.requiresRepublish === true;
    const published = this.#uses.get(directory)?.unpublished === undefined && this.#uses.has(directory) && (await this.#isPublished(target, request.mode));
    if (published && again) await this.#publish(driver, request, csiDriver, { staged, target, capability });
    else if (!published) {
      await this.#use(directory, data);
      if (request.mode === 'Block') await host.files.makeDirectory(parentOf(target), { mode: 0o750 });
      try {
        await this.#publish(driver, request, csiDriver, { staged, target, capability });
      } catch (thrown) {
        if (isFinal(thrown)) await this.#use(directory, { ...data, unpublished: true });
        throw thrown;
      }
    }
    if (request.mode === 'Filesystem' && wantsOwnership(request, capability, csiDriver)) await this.#own(request, directory, target);
    return {
      path: target,
      mode: request.mode,
      readOnly: request.readOnly,
      writable: true,
      ...(again ? { againAtMs: this.#tools.clock.now() + REPUBLISH_MS } : {}),
    };
  }

  async #stage(driver: CsiDriver, request: CsiRequest, data: CsiData, capability: VolumeCapability): Promise<string> {
    if (!(await driver.nodeCapabilities()).includes('stage-unstage-volume')) return '';
    const { host } = this.#tools;
    const home = this.#stagingHome(data);
    const path = request.mode === 'Block' ? `${home}/staging` : `${home}/globalmount`;
    const { bootId } = this.#tools.machine;
    const found = await readCsiData(host, home);
    if (found?.stagedAtBoot === bootId && (request.mode === 'Block' || (await this.#isPublished(path, request.mode)))) return path;
    // The pod's directory is what its end is taken down by: it must tell of the staging too.
    if (!this.#uses.has(this.#directoryOf(request))) await this.#use(this.#directoryOf(request), { ...data, unpublished: true });
    await host.files.makeDirectory(path, { mode: 0o750 });
    await writeCsiData(host, home, data);
    this.#staged.set(home, data);
    try {
      await translated(request.mode === 'Block' ? 'MapVolume.SetUpDevice' : 'MountVolume.MountDevice', () =>
        driver.nodeStage({
          volumeId: request.handle,
          stagingPath: path,
          publishContext: request.publishContext,
          context: request.attributes,
          capability,
          ...secretsOf(request.stageSecrets),
        }),
      );
    } catch (thrown) {
      // Refused for certain: there is nothing to unstage.
      if (isFinal(thrown)) await this.#forgetStaging(home);
      throw thrown;
    }
    await writeCsiData(host, home, { ...data, stagedAtBoot: bootId });
    return path;
  }

  /** Writes down, before it is so, what a pod's directory will be taken down by. */
  async #use(directory: string, data: CsiData): Promise<void> {
    const { host } = this.#tools;
    await host.files.makeDirectory(directory, { mode: 0o750 });
    await writeCsiData(host, directory, data);
    this.#uses.set(directory, data);
  }

  async #forgetStaging(home: string): Promise<void> {
    const { host } = this.#tools;
    for (const path of [`${home}/globalmount`, `${home}/staging`]) await host.files.removeDirectory(path);
    await removeCsiData(host, home);
    await this.#removeEmpty(home);
    this.#staged.delete(home);
  }

  async #publish(
    driver: CsiDriver,
    request: CsiRequest,
    csiDriver: CSIDriver | undefined,
    at: { readonly staged: string; readonly target: string; readonly capability: VolumeCapability },
  ): Promise<void> {
    const info = csiDriver?.spec.podInfoOnMount === true ? podInfo(request) : {};
    const tokens = await this.#tokensFor(request, csiDriver);
    const inSecrets = csiDriver?.spec.serviceAccountTokenInSecrets === true;
    const publish: NodePublish = {
      volumeId: request.handle,
      stagingPath: at.staged,
      targetPath: at.target,
      publishContext: request.publishContext,
      context: { ...request.attributes, ...info, ...(inSecrets ? {} : tokens) },
      capability: at.capability,
      readOnly: request.readOnly,
      ...secretsOf(inSecrets ? { ...request.publishSecrets, ...tokens } : request.publishSecrets),
    };
    await translated(request.mode === 'Block' ? 'MapVolume.MapPodDevice' : 'MountVolume.SetUp', () => driver.nodePublish(publish));
  }

  /** Tokens of the pod's service account, for the audiences that the driver names. */
  async #tokensFor({ id, pod }: CsiRequest, csiDriver: CSIDriver | undefined): Promise<StringMap> {
    const requests = csiDriver?.spec.tokenRequests ?? [];
    if (requests.length === 0) return {};
    const account = spec(pod).serviceAccountName ?? 'default';
    const tokens: Record<string, { token: string; expirationTimestamp: string }> = {};
    for (const { audience, expirationSeconds = 3_600 } of requests) {
      const { token, expiresAtMs } = await this.#tokens.get({ pod: id, resource: serviceAccounts, account, audience, expirationSeconds });
      setOwn(tokens, audience, { token, expirationTimestamp: formatTime(expiresAtMs) });
    }
    return { 'csi.storage.k8s.io/serviceAccount.tokens': JSON.stringify(tokens) };
  }

  /** Once for each publishing: what the pod changes afterwards is its own. Written down, so that a restart does not walk the tree again. */
  async #own(request: CsiRequest, directory: string, target: string): Promise<void> {
    const security = spec(request.pod).securityContext;
    const data = this.#uses.get(directory);
    const gid = security?.fsGroup;
    if (gid === undefined || request.readOnly || data === undefined || data.ownedByGroup === gid) return;
    const { host } = this.#tools;
    await host.files.ownTree(target, { gid, policy: security?.fsGroupChangePolicy === 'OnRootMismatch' ? 'OnRootMismatch' : 'Always' });
    const owned = { ...data, ownedByGroup: gid };
    await writeCsiData(host, directory, owned);
    this.#uses.set(directory, owned);
  }

  async #tearDown(directory: string, data: CsiData): Promise<void> {
    const { host, paths } = this.#tools;
    const driver = this.driver(data.driverName);
    const uid = podUidOf(directory, paths.pods);
    const block = directory.startsWith(paths.devices(uid));
    const target = block ? this.#blockTarget(data.specVolID, uid) : `${directory}/mount`;
    if (data.unpublished !== true) await translated('UnmountVolume.TearDown', () => driver.nodeUnpublish(data.volumeHandle, target));
    // A driver may leave the empty target behind.
    const left = await host.files.stat(target);
    if (left !== undefined && left.type !== 'directory') await host.files.removeFile(target);
    else await host.files.removeDirectory(target);
    if (block) await host.files.removeDirectory(parentOf(target));
    // Forgotten only when it is off the node: else nobody would try again what has failed.
    if (data.volumeLifecycleMode === 'Persistent') await this.#unstage(data, directory);
    await removeCsiData(host, directory);
    await this.#removeEmpty(directory);
    this.#uses.delete(directory);
  }

  /** Unless another directory than `by` uses it. */
  async #unstage(data: CsiData, by?: string): Promise<void> {
    const { host } = this.#tools;
    const inUse = [...this.#uses].some(([directory, d]) => directory !== by && d.driverName === data.driverName && d.volumeHandle === data.volumeHandle);
    const home = this.#stagingHome(data);
    if (inUse || (await readCsiData(host, home)) === undefined) return;
    const driver = this.driver(data.driverName);
    for (const path of [`${home}/globalmount`, `${home}/staging`]) {
      if ((await host.files.stat(path)) === undefined) continue;
      await translated('UnmountDevice', () => driver.nodeUnstage(data.volumeHandle, path));
    }
    await this.#forgetStaging(home);
  }

  async #isPublished(target: string, mode: 'Filesystem' | 'Block'): Promise<boolean> {
    if (mode === 'Block') return (await this.#tools.host.files.stat(target))?.type === 'block-device';
    return (await this.#tools.host.mounts.at(target)) !== undefined;
  }

  #directoryOf({ id, name, mode }: CsiRequest): string {
    const { paths } = this.#tools;
    return mode === 'Block' ? paths.device(id.uid, CSI_PLUGIN, name) : paths.volume(id.uid, CSI_PLUGIN, name);
  }

  #targetOf(request: CsiRequest): string {
    return request.mode === 'Block' ? this.#blockTarget(request.name, request.id.uid) : `${this.#directoryOf(request)}/mount`;
  }

  #blockTarget(name: string, podUid: string): string {
    return `${this.#tools.paths.csiBlock()}/publish/${name}/${podUid}`;
  }

  stagingPath(driver: string, handle: string, mode: 'Filesystem' | 'Block'): string {
    const home = this.#tools.paths.csiStaging(driver, digest(handle));
    return mode === 'Block' ? `${home}/staging` : `${home}/globalmount`;
  }

  #stagingHome({ driverName, volumeHandle }: CsiData): string {
    return this.#tools.paths.csiStaging(driverName, digest(volumeHandle));
  }

  async #removeEmpty(directory: string): Promise<void> {
    await this.#tools.host.files.removeDirectory(directory);
  }
}

export async function directoriesIn({ host }: VolumeTools, directory: string): Promise<readonly string[]> {
  if ((await host.files.stat(directory))?.type !== 'directory') return [];
  return (await host.files.readDirectory(directory)).filter((e) => e.type === 'directory').map((e) => e.name);
}

function keyOf(driver: string, handle: string): string {
  return `${driver}\n${handle}`;
}

function podUidOf(directory: string, pods: string): string {
  return directory.slice(pods.length + 1).split('/', 1)[0] ?? '';
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

function secretsOf(secrets: Secrets | undefined): { readonly secrets?: Secrets } {
  return secrets === undefined ? {} : { secrets };
}
