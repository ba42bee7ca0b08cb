import type { Cgroups } from './cgroups.ts';
import { type Files, HostError, type Mounts } from './host.ts';

/** Below /sys/fs/cgroup, wherever each controller is mounted. */
export class SystemCgroups implements Cgroups {
  readonly #files: Files;
  readonly #mountTable: Pick<Mounts, 'list'>;
  #known: Promise<Readonly<Record<string, string>>> | undefined;

  constructor(files: Files, mounts: Pick<Mounts, 'list'>) {
    this.#files = files;
    this.#mountTable = mounts;
  }

  mounts(): Promise<Readonly<Record<string, string>>> {
    this.#known ??= this.#find();
    return this.#known;
  }

  async create(name: string): Promise<void> {
    for (const root of await this.#roots()) await this.#createBelow(root, name);
  }

  async remove(name: string): Promise<void> {
    for (const root of await this.#roots()) await this.#removeBelow(root + name);
  }

  async exists(name: string): Promise<boolean> {
    for (const root of await this.#roots()) if ((await this.#files.stat(root + name)) === undefined) return false;
    return true;
  }

  async children(name: string): Promise<readonly string[]> {
    const names = new Set<string>();
    for (const root of await this.#roots()) for (const child of await this.#directories(root + name)) names.add(child);
    return [...names].sort();
  }

  async processes(name: string): Promise<readonly number[]> {
    const pids = new Set<number>();
    for (const root of await this.#roots()) {
      for (const line of ((await this.#readIfThere(`${root}${name}/cgroup.procs`)) ?? '').split('\n')) if (line !== '') pids.add(Number(line));
    }
    return [...pids].sort((a, b) => a - b);
  }

  async read(name: string, controller: string, file: string): Promise<string | undefined> {
    const root = (await this.mounts())[controller];
    return root === undefined ? undefined : (await this.#readIfThere(`${root}${name}/${file}`))?.trimEnd();
  }

  async write(name: string, controller: string, file: string, value: string): Promise<void> {
    const root = (await this.mounts())[controller];
    if (root === undefined) throw new HostError('unsupported', `the cgroup controller ${controller} is not there`);
    await this.#files.write(`${root}${name}/${file}`, value);
  }

  async #find(): Promise<Readonly<Record<string, string>>> {
    const found: Record<string, string> = {};
    for (const mount of await this.#mountTable.list()) {
      if (mount.root !== '/' || !mount.target.startsWith('/sys/fs/cgroup')) continue;
      if (mount.type === 'cgroup') {
        for (const option of mount.superOptions)
          if (option !== 'rw' && !option.startsWith('name=') && !option.includes('=') && option !== 'xattr') found[option] = mount.target;
      } else if (mount.type === 'cgroup2') {
        found['unified'] = mount.target;
        for (const controller of ((await this.#readIfThere(`${mount.target}/cgroup.controllers`)) ?? '').trim().split(' ')) {
          if (controller !== '') found[controller] ??= mount.target;
        }
      }
    }
    return found;
  }

  async #roots(): Promise<readonly string[]> {
    const mounts = await this.mounts();
    const unified = mounts['unified'];
    // In a hybrid tree the unified one has hardly a controller, and a pod needs none of it.
    const roots = new Set(Object.values(mounts).filter((root) => root !== unified));
    if (roots.size === 0 && unified !== undefined) roots.add(unified);
    return [...roots];
  }

  async #createBelow(root: string, name: string): Promise<void> {
    let path = root;
    const unified = (await this.mounts())['unified'] === root;
    for (const part of name.split('/').filter((p) => p !== '')) {
      if (unified) await this.#passOn(path);
      path += `/${part}`;
      await this.#files.makeDirectory(path);
      if (root.includes('cpuset')) await this.#inheritCpuset(path);
    }
  }

  /** v2: children get only the controllers that their parent passes on. */
  async #passOn(path: string): Promise<void> {
    const has = ((await this.#readIfThere(`${path}/cgroup.controllers`)) ?? '').trim();
    if (has === '') return;
    for (const controller of has.split(' ')) {
      try {
        await this.#files.write(`${path}/cgroup.subtree_control`, `+${controller}`);
      } catch (thrown) {
        // EBUSY: a group with processes of its own can't pass controllers on. The child then lacks them, and `read` says so.
        if (!(thrown instanceof HostError) || (thrown.code !== 'busy' && thrown.code !== 'unsupported')) throw thrown;
      }
    }
  }

  /** v1: a new cpuset is empty, and nothing can run in it, until it is told. */
  async #inheritCpuset(path: string): Promise<void> {
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      if ((await this.#readIfThere(`${path}/${file}`))?.trim() !== '') continue;
      const parent = (await this.#readIfThere(`${path.slice(0, path.lastIndexOf('/'))}/${file}`))?.trim() ?? '';
      if (parent !== '') await this.#files.write(`${path}/${file}`, parent);
    }
  }

  async #removeBelow(path: string): Promise<void> {
    for (const child of await this.#directories(path)) await this.#removeBelow(`${path}/${child}`);
    await this.#files.removeDirectory(path);
  }

  async #directories(path: string): Promise<readonly string[]> {
    if ((await this.#files.stat(path)) === undefined) return [];
    return (await this.#files.readDirectory(path)).filter(({ type }) => type === 'directory').map(({ name }) => name);
  }

  async #readIfThere(path: string): Promise<string | undefined> {
    try {
      return await this.#files.readText(path);
    } catch (thrown) {
      if (thrown instanceof HostError && (thrown.code === 'missing' || thrown.code === 'no-device')) return undefined;
      throw thrown;
    }
  }
}
