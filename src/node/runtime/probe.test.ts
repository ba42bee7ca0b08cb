import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cgroupLayout, findings, type RuntimeProbe } from './probe.ts';

const whole: Omit<RuntimeProbe, 'findings'> = {
  containerd: '/usr/bin/containerd',
  runc: '/usr/bin/runc',
  cniBinDirectory: '/usr/lib/cni',
  root: true,
  capSysResource: true,
  cgroup: 'v2',
  missingControllers: [],
  overlayfs: true,
  bridge: true,
  portmap: true,
};

for (const [about, lacks, expected] of [
  ['a whole machine', {}, []],
  ['no containerd', { containerd: undefined }, ['containerd, fatal']],
  ['no capability to lower an oom score', { capSysResource: false }, ['CAP_SYS_RESOURCE']],
  ['no overlayfs', { overlayfs: false }, ['overlayfs']],
  ['no iptables', { portmap: false }, ['iptables or the CNI plugin portmap']],
  ['no cgroups', { cgroup: 'none' }, ['cgroups, fatal']],
  ['a kernel that keeps no account of memory', { missingControllers: ['memory'] }, ['cgroup controllers (memory)']],
  ['no modules for a pod network', { bridge: false }, ['bridge or veth devices, fatal']],
  // What only root could find out is not told as missing.
  ['an ordinary user', { root: false, bridge: false, overlayfs: false, capSysResource: false, portmap: false }, ['root, fatal']],
] as const) {
  test(about, () => {
    assert.deepEqual(
      findings({ ...whole, ...lacks }).map(({ missing, fatal }) => (fatal ? `${missing}, fatal` : missing)),
      expected,
    );
  });
}

const V1 = ['cpu', 'cpuset', 'memory', 'pids']
  .map((controller) => `36 25 0:30 / /sys/fs/cgroup/${controller} rw,nosuid shared:9 - cgroup cgroup rw,${controller}`)
  .join('\n');
const UNIFIED = '26 25 0:23 / /sys/fs/cgroup/unified rw,nosuid shared:8 - cgroup2 cgroup2 rw,nsdelegate';
const V2 = '26 25 0:23 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:8 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot';

for (const [about, mountinfo, controllers, expected] of [
  ['v1: a hierarchy for each controller', `25 20 0:22 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n${V1}`, '', 'v1'],
  ['v1 with controllers together', '36 25 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct', '', 'v1 without cpuset memory pids'],
  ['hybrid: runc uses v1', `${V1}\n${UNIFIED}`, '', 'v1'],
  ['v2', V2, 'cpuset cpu io memory hugetlb pids rdma\n', 'v2'],
  ['v2 of a kernel that was told to keep no account of memory', V2, 'cpuset cpu io pids\n', 'v2 without memory'],
  ['v2 in a container that was given no controllers', V2.replace('/ /sys', '/docker/1 /sys'), '\n', 'v2 without cpu cpuset memory pids'],
  ['v2 that can only be read', V2.replace(' rw,', ' ro,'), 'cpu cpuset memory pids\n', 'none without cpu cpuset memory pids'],
  ['nothing', '', '', 'none without cpu cpuset memory pids'],
] as const) {
  test(about, () => {
    const { cgroup, missingControllers } = cgroupLayout(mountinfo, controllers);
    assert.equal([cgroup, ...(missingControllers.length === 0 ? [] : ['without', ...missingControllers])].join(' '), expected);
  });
}
