import type { ContainerdLayout } from './layout.ts';

export interface ContainerdConfig {
  readonly layout: ContainerdLayout;
  readonly snapshotter: 'overlayfs' | 'native';
  /** Without CAP_SYS_RESOURCE no process may lower its oom_score_adj: containerd then keeps to what it has. */
  readonly restrictOomScoreAdj: boolean;
  readonly cniBinDirectory: string;
  readonly sandboxImage: string;
  /** RuntimeClass handler to the binary that serves it, beside the default `runc`. */
  readonly handlers: Readonly<Record<string, string>>;
}

export interface CniConfig {
  /** At most 15 bytes: IFNAMSIZ. */
  readonly bridge: string;
  /** Of this node's pods: `10.244.3.0/24`. */
  readonly podCidrs: readonly string[];
  readonly ipamDirectory: string;
  /** Left out where iptables is missing: then hostPort does not work. */
  readonly portmap: boolean;
  /** 0: the kernel's choice. */
  readonly mtu: number;
}

/** Plugins that no pod needs here, and that touch the machine outside our directories or wait for devices. */
const DISABLED_PLUGINS = [
  'io.containerd.snapshotter.v1.aufs',
  'io.containerd.snapshotter.v1.btrfs',
  'io.containerd.snapshotter.v1.devmapper',
  'io.containerd.snapshotter.v1.zfs',
  'io.containerd.snapshotter.v1.blockfile',
  'io.containerd.internal.v1.opt',
  'io.containerd.internal.v1.restart',
  'io.containerd.internal.v1.tracing',
  'io.containerd.tracing.processor.v1.otlp',
  'io.containerd.nri.v1.nri',
];

const text = (value: string): string => JSON.stringify(value);

/** The configuration file: version 2, which containerd 1.6 and newer read. */
export function formatContainerdConfig({ layout, snapshotter, restrictOomScoreAdj, cniBinDirectory, sandboxImage, handlers }: ContainerdConfig): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  const runtimes = Object.entries({ runc: 'runc', ...handlers }).flatMap(([handler, binary]) => [
    '',
    `[${cri}.containerd.runtimes.${text(handler)}]`,
    '  runtime_type = "io.containerd.runc.v2"',
    `[${cri}.containerd.runtimes.${text(handler)}.options]`,
    `  BinaryName = ${text(binary)}`,
    '  SystemdCgroup = false',
  ]);
  return `${[
    `# Written by Berth for cluster ${layout.clusterId} at every start.`,
    'version = 2',
    `root = ${text(layout.rootDirectory)}`,
    `state = ${text(layout.stateDirectory)}`,
    'oom_score = 0',
    `disabled_plugins = [${DISABLED_PLUGINS.map(text).join(', ')}]`,
    '',
    '[grpc]',
    `  address = ${text(layout.socket)}`,
    '  max_recv_message_size = 16777216',
    '  max_send_message_size = 16777216',
    '[ttrpc]',
    `  address = ${text(layout.ttrpcSocket)}`,
    '[debug]',
    '  level = "warn"',
    '',
    `[${cri}]`,
    `  sandbox_image = ${text(sandboxImage)}`,
    '  stream_server_address = "127.0.0.1"',
    '  stream_server_port = "0"',
    '  stream_idle_timeout = "4h0m0s"',
    '  enable_tls_streaming = false',
    `  restrict_oom_score_adj = ${restrictOomScoreAdj}`,
    '  max_container_log_line_size = 16384',
    '  netns_mounts_under_state_dir = true',
    '  enable_unprivileged_ports = true',
    '  enable_unprivileged_icmp = true',
    '  tolerate_missing_hugetlb_controller = true',
    '  disable_hugetlb_controller = true',
    '',
    `[${cri}.cni]`,
    `  bin_dir = ${text(cniBinDirectory)}`,
    `  conf_dir = ${text(layout.cniConfigDirectory)}`,
    '  max_conf_num = 1',
    '',
    `[${cri}.registry]`,
    `  config_path = ${text(layout.registryDirectory)}`,
    '',
    `[${cri}.containerd]`,
    `  snapshotter = ${text(snapshotter)}`,
    '  default_runtime_name = "runc"',
    '  discard_unpacked_layers = false',
    ...runtimes,
  ].join('\n')}\n`;
}

/** The network list that containerd's CRI plugin loads: bridge with host-local addresses, then host ports. */
export function formatCniConfig({ bridge, podCidrs, ipamDirectory, portmap, mtu }: CniConfig): string {
  const everywhere = podCidrs.map((cidr) => ({ dst: cidr.includes(':') ? '::/0' : '0.0.0.0/0' }));
  const plugins: unknown[] = [
    {
      type: 'bridge',
      bridge,
      isGateway: true,
      hairpinMode: true,
      // Masquerading is a rule of the cluster's own table: the plugin would need iptables for it.
      ipMasq: false,
      ...(mtu === 0 ? {} : { mtu }),
      ipam: { type: 'host-local', dataDir: ipamDirectory, ranges: podCidrs.map((subnet) => [{ subnet }]), routes: everywhere },
    },
    ...(portmap ? [{ type: 'portmap', capabilities: { portMappings: true }, snat: true }] : []),
  ];
  return `${JSON.stringify({ cniVersion: '0.4.0', name: bridge, plugins }, undefined, 2)}\n`;
}
