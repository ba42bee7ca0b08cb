/**
 * Cuts the tables of gRPC services down to the methods that are used and writes them, with their TypeScript types, to the
 * `gen/` folders of the runtime and of CSI. Usage: `node scripts/generate-grpc.ts TABLES`, where TABLES is the directory that
 * holds the `grpc.*.json` tables (protobufjs JSON descriptors). The output is committed, the tables are not.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface FieldNode {
  readonly type: string;
  readonly id: number;
  readonly rule?: string;
  readonly keyType?: string;
}
interface MethodNode {
  readonly requestType: string;
  readonly responseType: string;
  readonly requestStream?: boolean;
  readonly responseStream?: boolean;
}
interface Node {
  readonly nested?: Readonly<Record<string, Node>>;
  readonly fields?: Readonly<Record<string, FieldNode>>;
  readonly methods?: Readonly<Record<string, MethodNode>>;
  readonly values?: Readonly<Record<string, number>>;
}
interface Target {
  readonly table: string;
  readonly name: string;
  /** Below `src/`. */
  readonly folder: string;
  /** Taken off the front of full names to make type names. */
  readonly prefixes: readonly string[];
  readonly services: Readonly<Record<string, readonly string[]>>;
  readonly messages: readonly string[];
}

const repeated = (id: number): FieldNode => ({ rule: 'repeated', type: 'string', id });

/**
 * Not in the tables: fields called `options` (of a mount, containerd api/types/mount.proto; of DNS, CRI api.proto), the service
 * that applies a layer to mounts (containerd api/services/diff/v1/diff.proto), and well-known types.
 */
const ADDITIONS: Readonly<Record<string, Node>> = {
  'google.protobuf.Any': { fields: { type_url: { type: 'string', id: 1 }, value: { type: 'bytes', id: 2 } } },
  'google.protobuf.Empty': { fields: {} },
  'google.protobuf.FieldMask': { fields: { paths: repeated(1) } },
  'google.protobuf.Timestamp': { fields: { seconds: { type: 'int64', id: 1 }, nanos: { type: 'int32', id: 2 } } },
  'runtime.v1.DNSConfig': { fields: { servers: repeated(1), searches: repeated(2), options: repeated(3) } },
  'containerd.types.Mount': {
    fields: { type: { type: 'string', id: 1 }, source: { type: 'string', id: 2 }, target: { type: 'string', id: 3 }, options: repeated(4) },
  },
  'containerd.services.diff.v1.Diff': { methods: { Apply: { requestType: 'ApplyRequest', responseType: 'ApplyResponse' } } },
  'containerd.services.diff.v1.ApplyRequest': {
    fields: { diff: { type: 'containerd.types.Descriptor', id: 1 }, mounts: { rule: 'repeated', type: 'containerd.types.Mount', id: 2 } },
  },
  'containerd.services.diff.v1.ApplyResponse': { fields: { applied: { type: 'containerd.types.Descriptor', id: 1 } } },
};

const TARGETS: readonly Target[] = [
  {
    table: 'grpc.cri.v1.json',
    name: 'cri',
    folder: 'node/runtime/gen',
    prefixes: ['runtime.v1.', 'google.protobuf.'],
    services: {
      'runtime.v1.RuntimeService': [
        'Version',
        'Status',
        'RunPodSandbox',
        'StopPodSandbox',
        'RemovePodSandbox',
        'PodSandboxStatus',
        'ListPodSandbox',
        'CreateContainer',
        'StartContainer',
        'StopContainer',
        'RemoveContainer',
        'ListContainers',
        'ContainerStatus',
        'UpdateContainerResources',
        'ReopenContainerLog',
        'ExecSync',
        'Exec',
        'Attach',
        'PortForward',
        'ContainerStats',
      ],
      'runtime.v1.ImageService': ['ListImages', 'ImageStatus', 'PullImage', 'RemoveImage', 'ImageFsInfo'],
    },
    messages: [],
  },
  {
    table: 'grpc.containerd.v1.json',
    name: 'containerd',
    folder: 'node/runtime/gen',
    prefixes: ['containerd.services.', 'containerd.', 'google.protobuf.'],
    services: {
      'containerd.services.events.v1.Events': ['Subscribe', 'Publish'],
      'containerd.services.images.v1.Images': ['Get', 'List', 'Create', 'Update', 'Delete'],
      'containerd.services.content.v1.Content': ['Info', 'Read', 'Write', 'Update', 'Abort', 'Delete'],
      'containerd.services.leases.v1.Leases': ['Create', 'Delete', 'List'],
      'containerd.services.snapshots.v1.Snapshots': ['Prepare', 'Commit', 'Stat', 'Remove'],
      'containerd.services.diff.v1.Diff': ['Apply'],
      'containerd.services.tasks.v1.Tasks': ['Get', 'ListPids'],
      'containerd.services.version.v1.Version': ['Version'],
    },
    messages: ['containerd.events.TaskStart', 'containerd.events.TaskExit', 'containerd.events.TaskOOM', 'containerd.events.ContainerDelete'],
  },
  {
    table: 'grpc.csi.v1.json',
    name: 'csi',
    folder: 'csi/gen',
    prefixes: ['csi.v1.', 'google.protobuf.'],
    services: {
      'csi.v1.Identity': ['GetPluginInfo', 'GetPluginCapabilities', 'Probe'],
      'csi.v1.Controller': [
        'CreateVolume',
        'DeleteVolume',
        'ControllerPublishVolume',
        'ControllerUnpublishVolume',
        'ValidateVolumeCapabilities',
        'GetCapacity',
        'ControllerGetCapabilities',
        'CreateSnapshot',
        'DeleteSnapshot',
        'ControllerExpandVolume',
      ],
      'csi.v1.Node': [
        'NodeStageVolume',
        'NodeUnstageVolume',
        'NodePublishVolume',
        'NodeUnpublishVolume',
        'NodeGetVolumeStats',
        'NodeExpandVolume',
        'NodeGetCapabilities',
        'NodeGetInfo',
      ],
    },
    messages: [],
  },
  {
    table: 'grpc.pluginregistration.v1.json',
    name: 'registration',
    folder: 'csi/gen',
    prefixes: ['pluginregistration.'],
    services: { 'pluginregistration.Registration': ['GetInfo', 'NotifyRegistrationStatus'] },
    messages: [],
  },
  {
    table: 'grpc.deviceplugin.v1beta1.json',
    name: 'device-plugin',
    folder: 'node/devices/gen',
    prefixes: ['v1beta1.'],
    services: { 'v1beta1.Registration': ['Register'], 'v1beta1.DevicePlugin': ['ListAndWatch', 'Allocate'] },
    messages: [],
  },
];

const SCALARS: Readonly<Record<string, string>> = {
  string: 'string',
  bool: 'boolean',
  bytes: 'Uint8Array',
  double: 'number',
  float: 'number',
  int32: 'number',
  int64: 'number',
  uint32: 'number',
  uint64: 'number',
  sint32: 'number',
  sint64: 'number',
  fixed64: 'number',
};

class Table {
  readonly #all = new Map<string, Node>();

  constructor(root: Node) {
    this.#walk(root, '');
    for (const [name, node] of Object.entries(ADDITIONS)) this.#all.set(name, node);
  }

  get(name: string): Node {
    const node = this.#all.get(name);
    if (node === undefined) throw new Error(`no ${name} in the table`);
    return node;
  }

  /** As protobuf resolves names: from the innermost scope outwards. Undefined for scalars. */
  resolve(scope: string, type: string): string | undefined {
    if (Object.hasOwn(SCALARS, type)) return undefined;
    if (type.startsWith('.')) return type.slice(1);
    for (let at = scope; ; at = at.slice(0, Math.max(at.lastIndexOf('.'), 0))) {
      const name = at === '' ? type : `${at}.${type}`;
      if (this.#all.has(name)) return name;
      if (at === '') throw new Error(`${type} is not known in ${scope}`);
    }
  }

  #walk(node: Node, path: string): void {
    for (const [key, child] of Object.entries(node.nested ?? {})) {
      const name = path === '' ? key : `${path}.${key}`;
      if (child.fields !== undefined || child.methods !== undefined || child.values !== undefined) this.#all.set(name, child);
      this.#walk(child, name);
    }
  }
}

/** Every message and enum that is reached from `start`. */
function reach(table: Table, start: readonly string[]): Set<string> {
  const seen = new Set<string>();
  const open = [...start];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    for (const field of Object.values(table.get(name).fields ?? {})) {
      const to = table.resolve(name, field.type);
      if (to !== undefined) open.push(to);
    }
  }
  return seen;
}

/** `runtime.v1.ContainerState` → `ContainerState`; `containerd.services.images.v1.Image` → `ImagesImage`. */
function typeName(full: string, prefixes: readonly string[]): string {
  const prefix = prefixes.find((p) => full.startsWith(p)) ?? '';
  return full
    .slice(prefix.length)
    .split('.')
    .filter((part) => part !== 'v1')
    .map((part) => part[0]?.toUpperCase() + part.slice(1))
    .join('');
}

function fieldType(table: Table, scope: string, field: FieldNode, name: (full: string) => string): { type: string; message: boolean } {
  const to = table.resolve(scope, field.type);
  const base = to === undefined ? (SCALARS[field.type] as string) : name(to);
  if (field.keyType !== undefined) return { type: `Readonly<Record<string, ${base}>>`, message: false };
  if (field.rule === 'repeated') return { type: `readonly ${base}[]`, message: false };
  return { type: base, message: to !== undefined && table.get(to).values === undefined };
}

function writeTypes(table: Table, target: Target): string {
  const inputs: string[] = [];
  const outputs: string[] = [...target.messages];
  const methods: string[] = [];
  const name = (full: string): string => typeName(full, target.prefixes);
  for (const [service, wanted] of Object.entries(target.services)) {
    const lines: string[] = [];
    for (const method of wanted) {
      const node = table.get(service).methods?.[method];
      if (node === undefined) throw new Error(`${service} has no ${method}`);
      const request = table.resolve(service, node.requestType) as string;
      const response = table.resolve(service, node.responseType) as string;
      inputs.push(request);
      outputs.push(response);
      lines.push(`  ${method}: { request: ${name(request)}Input; response: ${name(response)} };`);
    }
    methods.push(`export interface ${name(service)}Methods {\n${lines.join('\n')}\n}`);
  }
  const out = ['// Generated by scripts/generate-grpc.ts; do not edit. As decoded: absent scalars are zero, absent messages null.', ...methods];
  const enums = new Set<string>();
  for (const [starts, suffix] of [
    [outputs, ''],
    [inputs, 'Input'],
  ] as const) {
    for (const full of [...reach(table, starts)].sort()) {
      const node = table.get(full);
      if (node.values !== undefined) {
        enums.add(full);
        continue;
      }
      const lines = Object.entries(node.fields ?? {}).map(([key, field]) => {
        const { type, message } = fieldType(table, full, field, (to) => name(to) + (table.get(to).values === undefined ? suffix : ''));
        return `  readonly ${key}${suffix === '' ? '' : '?'}: ${type}${message && suffix === '' ? ' | null' : suffix === '' ? '' : ' | undefined'};`;
      });
      out.push(
        lines.length === 0
          ? `export type ${name(full)}${suffix} = Readonly<Record<never, never>>;`
          : `export interface ${name(full)}${suffix} {\n${lines.join('\n')}\n}`,
      );
    }
  }
  for (const full of [...enums].sort()) {
    out.push(
      `export type ${name(full)} =\n${Object.keys(table.get(full).values ?? {})
        .map((v) => `  | '${v}'`)
        .join('\n')};`,
    );
  }
  return `${out.join('\n\n')}\n`;
}

function writeTable(table: Table, target: Target): string {
  const root: { nested: Record<string, unknown> } = { nested: {} };
  const put = (full: string, node: unknown): void => {
    let at = root as { nested?: Record<string, unknown> };
    for (const part of full.split('.')) {
      at.nested ??= {};
      at.nested[part] ??= {};
      at = at.nested[part] as typeof at;
    }
    Object.assign(at, node);
  };
  const starts: string[] = [...target.messages];
  for (const [service, wanted] of Object.entries(target.services)) {
    const methods = Object.fromEntries(wanted.map((method) => [method, table.get(service).methods?.[method] as MethodNode]));
    for (const node of Object.values(methods)) {
      starts.push(table.resolve(service, node.requestType) as string, table.resolve(service, node.responseType) as string);
    }
    put(service, { methods });
  }
  for (const full of [...reach(table, starts)].sort()) {
    const { fields, values } = table.get(full);
    put(full, values === undefined ? { fields: fields ?? {} } : { values });
  }
  return `${JSON.stringify(root)}\n`;
}

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error('usage: generate-grpc.ts DIRECTORY-OF-TABLES');
for (const target of TARGETS) {
  const table = new Table(JSON.parse(readFileSync(join(directory, target.table), 'utf8')) as Node);
  const gen = join(import.meta.dirname, '..', 'src', target.folder);
  writeFileSync(join(gen, `${target.name}.json`), writeTable(table, target));
  writeFileSync(join(gen, `${target.name}.types.ts`), writeTypes(table, target));
}
