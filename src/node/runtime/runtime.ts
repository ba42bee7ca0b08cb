/**
 * The container runtime as the kubelet sees it. Two implementations: `containerd.ts` (CRI plus containerd's own services) and
 * `simulated.ts`; `test/contract/runtime.ts` holds for both. Errors: CriError with a closed set of codes.
 */
export interface Runtime extends AsyncDisposable {
  readonly name: string;
  /** Of the program, as it calls it itself: `1.6.20`. */
  version(): Promise<string>;

  /** All sandboxes and containers that carry this cluster's mark. */
  list(): Promise<{ readonly sandboxes: readonly Sandbox[]; readonly containers: readonly Container[] }>;
  /** A fresh look at one; undefined when it is gone. */
  container(id: string): Promise<Container | undefined>;
  sandbox(id: string): Promise<Sandbox | undefined>;

  runSandbox(spec: SandboxSpec): Promise<{ readonly id: string; readonly ips: readonly string[] }>;
  /** Stops its containers and removes its network; idempotent. */
  stopSandbox(id: string): Promise<void>;
  removeSandbox(id: string): Promise<void>;

  createContainer(sandboxId: string, spec: ContainerSpec): Promise<string>;
  startContainer(id: string): Promise<void>;
  /** SIGTERM (or the image's stop signal), then SIGKILL after `graceSeconds`. Resolves when it has ended. Idempotent. */
  stopContainer(id: string, graceSeconds: number): Promise<void>;
  removeContainer(id: string): Promise<void>;
  /** New limits for a live container. */
  updateResources(id: string, resources: LinuxResources): Promise<void>;
  /** Makes the runtime reopen the log file (after rotation). */
  reopenLog(id: string): Promise<void>;

  /** Runs to the end and collects output, each bounded to 16 KiB. Throws CriError `deadline` after `timeoutMs`. */
  execSync(id: string, command: readonly string[], timeoutMs: number): Promise<ExecResult>;
  readonly streams: RuntimeStreams;
  readonly images: Images;
  stats(id: string): Promise<ContainerStats | undefined>;

  /**
   * Starts, exits and removals, of sandboxes too (`containerId` is then the sandbox's id). When a start or an exit is told, `container`
   * shows it already. `lost` means: events may be missing, list again; it is told once at the start. Disposing ends it.
   */
  events(listener: (event: RuntimeEvent) => void): Disposable;
}

/** Identity is labels and annotations written at creation, never a hash over a defaulted spec. */
export interface SandboxSpec {
  readonly podUid: string;
  readonly podName: string;
  readonly podNamespace: string;
  /** 0 for the first sandbox of the pod. */
  readonly attempt: number;
  readonly hostname: string;
  /** Directory below which container logs are written. */
  readonly logDirectory: string;
  readonly dns: { readonly servers: readonly string[]; readonly searches: readonly string[]; readonly options: readonly string[] };
  readonly hostNetwork: boolean;
  readonly hostPid: boolean;
  readonly hostIpc: boolean;
  readonly shareProcessNamespace: boolean;
  readonly cgroupParent: string;
  readonly sysctls: Readonly<Record<string, string>>;
  readonly portMappings: readonly PortMapping[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** RuntimeClass handler; empty for the default. */
  readonly runtimeHandler: string;
  readonly runAsUser?: number | undefined;
  readonly runAsGroup?: number | undefined;
  readonly supplementalGroups: readonly number[];
  readonly privileged: boolean;
  readonly readOnlyRootFilesystem: boolean;
}

export interface PortMapping {
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly containerPort: number;
  readonly hostPort: number;
  readonly hostIp: string;
}

export interface Sandbox {
  readonly id: string;
  readonly podUid: string;
  readonly podName: string;
  readonly podNamespace: string;
  readonly attempt: number;
  readonly ready: boolean;
  readonly createdAtMs: number;
  /** Empty for host network and for sandboxes that are not ready. */
  readonly ips: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface ContainerSpec {
  readonly podUid: string;
  readonly podName: string;
  readonly podNamespace: string;
  readonly name: string;
  /** The restart count. */
  readonly attempt: number;
  /** As `Images.find` gave it. */
  readonly imageRef: string;
  /** As the pod names it. */
  readonly imageName: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
  /** Empty: the image's. */
  readonly workingDir: string;
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly mounts: readonly Mount[];
  readonly devices: readonly { readonly hostPath: string; readonly containerPath: string; readonly permissions: string }[];
  readonly resources: LinuxResources;
  readonly security: ContainerSecurity;
  /** Relative to the sandbox's log directory. */
  readonly logPath: string;
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly tty: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Mount {
  readonly hostPath: string;
  readonly containerPath: string;
  readonly readOnly: boolean;
  readonly propagation: 'private' | 'hostToContainer' | 'bidirectional';
}

/** Values for cgroups; absent: not set. */
export interface LinuxResources {
  readonly cpuShares?: number | undefined;
  readonly cpuQuotaUs?: number | undefined;
  readonly cpuPeriodUs?: number | undefined;
  readonly memoryLimitBytes?: number | undefined;
  readonly oomScoreAdj?: number | undefined;
}

export interface ContainerSecurity {
  readonly privileged: boolean;
  readonly runAsUser?: number | undefined;
  readonly runAsGroup?: number | undefined;
  readonly runAsUserName?: string | undefined;
  readonly supplementalGroups: readonly number[];
  readonly readOnlyRootFilesystem: boolean;
  readonly allowPrivilegeEscalation: boolean;
  readonly addCapabilities: readonly string[];
  readonly dropCapabilities: readonly string[];
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  readonly seccomp: { readonly type: 'RuntimeDefault' | 'Unconfined' } | { readonly type: 'Localhost'; readonly path: string };
  readonly hostPid: boolean;
  readonly hostIpc: boolean;
  readonly hostNetwork: boolean;
  readonly shareProcessNamespace: boolean;
}

export interface Container {
  readonly id: string;
  readonly sandboxId: string;
  readonly podUid: string;
  readonly name: string;
  readonly attempt: number;
  readonly state: 'created' | 'running' | 'exited' | 'unknown';
  readonly imageRef: string;
  readonly imageName: string;
  readonly createdAtMs: number;
  /** 0 until started. */
  readonly startedAtMs: number;
  /** 0 until ended. */
  readonly finishedAtMs: number;
  readonly exitCode: number;
  /** `Completed`, `Error`, `OOMKilled`, `StartError`, or empty. */
  readonly reason: string;
  readonly message: string;
  /** Absolute. */
  readonly logPath: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Byte streams between a client's connection and a container. The node's HTTPS server and the runtime meet here. */
export interface RuntimeStreams {
  exec(request: AttachStream & { readonly command: readonly string[] }): Promise<StreamSession>;
  attach(request: AttachStream): Promise<StreamSession>;
  /** One TCP connection to a port inside the sandbox's network. */
  portForward(sandboxId: string, port: number): Promise<DuplexBytes>;
}

export interface AttachStream {
  readonly containerId: string;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

export interface StreamSession extends Disposable {
  readonly stdin: WritableBytes | undefined;
  readonly stdout: ReadableBytes | undefined;
  readonly stderr: ReadableBytes | undefined;
  resize(width: number, height: number): void;
  /** The command's exit code (exec), 0 when an attach ended. Rejects with CriError. Resolves after the outputs ended. */
  readonly done: Promise<number>;
}

export interface WritableBytes {
  /** Resolves when more may be written. */
  write(bytes: Uint8Array): Promise<void>;
  /** End of input: the process reads EOF. */
  end(): void;
}
export type ReadableBytes = AsyncIterable<Uint8Array>;
export interface DuplexBytes extends WritableBytes, Disposable {
  readonly readable: ReadableBytes;
}

export interface Images {
  /** Undefined when it is not on the node. `image` as the pod names it: `busybox:1.36`. */
  find(image: string): Promise<Image | undefined>;
  list(): Promise<readonly Image[]>;
  /** Gives the image's id. Throws CriError `image-pull` with the registry's words. */
  pull(image: string, auth: RegistryAuth | undefined): Promise<string>;
  /** A docker-archive or OCI archive. Gives the names loaded. Throws CriError `image-archive` naming what is wrong with it. */
  load(path: string): Promise<readonly string[]>;
  remove(image: string): Promise<void>;
  /** Of the image file system. */
  usage(): Promise<{ readonly usedBytes: number; readonly availableBytes: number }>;
}

export interface RegistryAuth {
  readonly username: string;
  readonly password: string;
}

export interface Image {
  /** `sha256:…` of the configuration. */
  readonly id: string;
  readonly names: readonly string[];
  readonly digests: readonly string[];
  readonly sizeBytes: number;
  readonly user: { readonly uid?: number | undefined; readonly name?: string | undefined };
}

export interface ContainerStats {
  readonly cpuUsageNanos: number;
  readonly memoryWorkingSetBytes: number;
  readonly writableLayerBytes: number;
}

export type RuntimeEvent = { readonly type: 'started' | 'exited' | 'deleted' | 'oom'; readonly containerId: string } | { readonly type: 'lost' };

export type CriErrorCode =
  | 'not-found'
  | 'image-missing'
  | 'image-pull'
  | 'image-archive'
  | 'name-reserved'
  | 'deadline'
  | 'unavailable'
  | 'unsupported'
  | 'invalid'
  | 'internal';

export class CriError extends Error {
  override readonly name = 'CriError';
  readonly code: CriErrorCode;

  constructor(code: CriErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
