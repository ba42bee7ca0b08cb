import { constants } from 'node:fs';
import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunCommand } from '../containerd/commands.ts';

/** What the machine has for running containers, found once at start. */
export interface RuntimeProbe {
  /** Absolute paths; undefined: not installed. */
  readonly containerd: string | undefined;
  readonly runc: string | undefined;
  readonly cniBinDirectory: string | undefined;
  readonly root: boolean;
  readonly capSysResource: boolean;
  readonly cgroup: 'v1' | 'v2' | 'none';
  /** Of the controllers that pods need, those that the kernel does not offer. */
  readonly missingControllers: readonly string[];
  readonly overlayfs: boolean;
  readonly bridge: boolean;
  readonly portmap: boolean;
  /** Each says what is missing and what follows. `fatal`: no container can run. */
  readonly findings: readonly Finding[];
}

export interface Finding {
  readonly missing: string;
  readonly consequence: string;
  readonly fatal: boolean;
}

export interface ProbeOptions {
  readonly run: RunCommand;
  /** Effective user id. */
  readonly uid: number;
  /** Directories of programs, in order. */
  readonly path: readonly string[];
  /** At most 10 bytes: names of devices that are made for the trial and removed again begin with it. */
  readonly trialPrefix: string;
}

const CNI_DIRECTORIES = ['/usr/lib/cni', '/opt/cni/bin', '/usr/libexec/cni'];
const CNI_PLUGINS = ['bridge', 'host-local', 'loopback'];
const CAP_SYS_RESOURCE = 24n;

export async function probeRuntime(options: ProbeOptions): Promise<RuntimeProbe> {
  const root = options.uid === 0;
  const [containerd, runc, iptables, cniBinDirectory, capabilities, { cgroup, missingControllers }, overlayfs, bridge] = await Promise.all([
    program(options.path, 'containerd'),
    program(options.path, 'runc'),
    program(options.path, 'iptables'),
    cniDirectory(),
    effectiveCapabilities(),
    readCgroups(),
    hasOverlay(options.run, root),
    root ? tryBridge(options.run, options.trialPrefix) : false,
  ]);
  const capSysResource = ((capabilities >> CAP_SYS_RESOURCE) & 1n) === 1n;
  const portmap = iptables !== undefined && cniBinDirectory !== undefined && (await executable(join(cniBinDirectory, 'portmap')));
  const found = { containerd, runc, cniBinDirectory, root, capSysResource, cgroup, missingControllers, overlayfs, bridge, portmap };
  return { ...found, findings: findings(found) };
}

/** Pure: what follows from what was found. */
export function findings(found: Omit<RuntimeProbe, 'findings'>): readonly Finding[] {
  const out: Finding[] = [];
  const say = (missing: string, consequence: string, fatal = false): void => void out.push({ missing, consequence, fatal });
  if (!found.root) say('root', 'containers need root: the node is simulated', true);
  if (found.containerd === undefined) say('containerd', 'no containers: install the package containerd', true);
  if (found.runc === undefined) say('runc', 'no containers: install the package runc', true);
  if (found.cniBinDirectory === undefined)
    say('CNI plugins', `no pod network: install the package containernetworking-plugins (looked in ${CNI_DIRECTORIES.join(', ')})`, true);
  if (found.cgroup === 'none') say('cgroups', 'no containers: mount /sys/fs/cgroup, so that it can be written', true);
  else if (found.missingControllers.length > 0) {
    say(
      `cgroup controllers (${found.missingControllers.join(', ')})`,
      'pods with such a limit do not start: switch them on at boot (as cgroup_enable=memory on the kernel command line), or delegate them to this container',
    );
  }
  if (found.root && !found.bridge) say('bridge or veth devices', 'no pod network: load the kernel modules bridge and veth', true);
  if (found.root && !found.capSysResource) {
    say('CAP_SYS_RESOURCE', 'oom_score_adj of pods is not lowered: under memory pressure the kernel does not prefer BestEffort pods');
  }
  if (found.root && !found.overlayfs) say('overlayfs', 'images are copied for each container: slower, and more disk');
  if (found.root && !found.portmap) say('iptables or the CNI plugin portmap', 'hostPort does not work');
  return out;
}

async function executable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function program(path: readonly string[], name: string): Promise<string | undefined> {
  for (const directory of path) {
    if (await executable(join(directory, name))) return join(directory, name);
  }
  return undefined;
}

async function cniDirectory(): Promise<string | undefined> {
  for (const directory of CNI_DIRECTORIES) {
    const names = await readdir(directory).catch((): string[] => []);
    if (CNI_PLUGINS.every((plugin) => names.includes(plugin))) return directory;
  }
  return undefined;
}

async function effectiveCapabilities(): Promise<bigint> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const hex = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return hex === undefined ? 0n : BigInt(`0x${hex}`);
}

export interface CgroupLayout {
  readonly cgroup: RuntimeProbe['cgroup'];
  readonly missingControllers: readonly string[];
}

const CONTROLLERS = ['cpu', 'cpuset', 'memory', 'pids'];

/**
 * What there is, by `/proc/self/mountinfo` and the `cgroup.controllers` of the one hierarchy of v2. v2 only where that is at
 * /sys/fs/cgroup: runc uses v1 where both are mounted. One that can't be written is none.
 */
export function cgroupLayout(mountinfo: string, controllers: string): CgroupLayout {
  const mounts = mountinfo.split('\n').flatMap((line) => {
    const [front = '', back = ''] = line.split(' - ');
    const [, , , , target = '', options = ''] = front.split(' ');
    const [type = '', , superOptions = ''] = back.split(' ');
    return options.split(',').includes('rw') ? [{ target, type, superOptions: superOptions.split(',') }] : [];
  });
  if (mounts.some(({ target, type }) => target === '/sys/fs/cgroup' && type === 'cgroup2')) {
    const offered = controllers.trim().split(/\s+/);
    return { cgroup: 'v2', missingControllers: CONTROLLERS.filter((controller) => !offered.includes(controller)) };
  }
  const offered = new Set(mounts.filter(({ type }) => type === 'cgroup').flatMap(({ superOptions }) => superOptions));
  if (offered.size === 0) return { cgroup: 'none', missingControllers: CONTROLLERS };
  return { cgroup: 'v1', missingControllers: CONTROLLERS.filter((controller) => !offered.has(controller)) };
}

async function readCgroups(): Promise<CgroupLayout> {
  const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
  return cgroupLayout(await read('/proc/self/mountinfo'), await read('/sys/fs/cgroup/cgroup.controllers'));
}

/** Loads the module where it is not built in. */
export async function hasOverlay(run: RunCommand, root: boolean): Promise<boolean> {
  const listed = async (): Promise<boolean> => /\toverlay$/m.test(await readFile('/proc/filesystems', 'utf8').catch(() => ''));
  if (await listed()) return true;
  return root && (await run('modprobe', ['overlay'])).code === 0 && (await listed());
}

/** Making a bridge and a veth pair loads their modules where they are not built in. */
async function tryBridge(run: RunCommand, prefix: string): Promise<boolean> {
  const [bridge, veth] = [`${prefix}b`, `${prefix}v`];
  const made = await Promise.all([
    run('ip', ['link', 'add', bridge, 'type', 'bridge']),
    run('ip', ['link', 'add', veth, 'type', 'veth', 'peer', 'name', `${prefix}w`]),
  ]);
  // One that a trial which was killed has left behind proves as much.
  const works = made.map(({ code, stderr }) => code === 0 || /File exists/.test(stderr));
  await Promise.all([bridge, veth].filter((_, i) => works[i] === true).map((name) => run('ip', ['link', 'delete', name])));
  return works.every((each) => each);
}
