import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findings, type RuntimeProbe } from './probe.ts';

const whole: Omit<RuntimeProbe, 'findings'> = {
  containerd: '/usr/bin/containerd',
  runc: '/usr/bin/runc',
  cniBinDirectory: '/usr/lib/cni',
  root: true,
  capSysResource: true,
  cgroup: 'v2',
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
