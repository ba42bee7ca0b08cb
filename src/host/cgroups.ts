/**
 * Control groups by name: `/berth.slice/pod-1`. With v1 or a hybrid tree one name is a directory below every controller's mount;
 * with v2 one directory, whose parents pass every available controller on.
 */
export interface Cgroups {
  /** Idempotent. */
  create(name: string): Promise<void>;
  /** Removes the directories (children first); `busy` while processes are in it. Idempotent. */
  remove(name: string): Promise<void>;
  exists(name: string): Promise<boolean>;
  /** Names of direct children. */
  children(name: string): Promise<readonly string[]>;
  /** Process ids in it, not in its children. */
  processes(name: string): Promise<readonly number[]>;
  /** The contents of a file such as `memory.max` (v2), `memory.limit_in_bytes` (v1); undefined when there is none. */
  read(name: string, controller: string, file: string): Promise<string | undefined>;
  write(name: string, controller: string, file: string, value: string): Promise<void>;
  /** Where each controller is mounted: `{memory: '/sys/fs/cgroup/memory'}`; v2: every controller at one place, and `unified`. */
  mounts(): Promise<Readonly<Record<string, string>>>;
}
