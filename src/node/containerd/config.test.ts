import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatCniConfig, formatContainerdConfig } from './config.ts';
import { containerdLayout, LONGEST_SOCKET_PATH } from './layout.ts';

test('sockets lie in the data directory as long as their paths are short enough', () => {
  const name = '/containerd/containerd.sock.ttrpc';
  for (const length of [10, LONGEST_SOCKET_PATH - name.length, LONGEST_SOCKET_PATH - name.length + 1, 200]) {
    const data = `/${'d'.repeat(length - 1)}`;
    const { socket, ttrpcSocket } = containerdLayout(data, 'abc');
    const fits = length + name.length <= LONGEST_SOCKET_PATH;
    assert.equal(ttrpcSocket, fits ? `${data}${name}` : '/run/berth-abc/containerd.sock.ttrpc');
    assert.ok(Buffer.byteLength(socket) <= LONGEST_SOCKET_PATH && Buffer.byteLength(ttrpcSocket) <= LONGEST_SOCKET_PATH);
  }
});

test('a cluster id that could leave its place is refused', () => {
  for (const id of ['', '../x', 'a/b', 'A', '-a', 'x'.repeat(41)]) assert.throws(() => containerdLayout('/data', id), /not a cluster id/);
  assert.throws(() => containerdLayout('data', 'abc'), /must be absolute/);
});

test('two clusters share no path', () => {
  const [left, right] = [containerdLayout('/one', 'a'), containerdLayout('/two', 'b')];
  for (const [key, value] of Object.entries(left)) assert.notEqual(value, right[key as keyof typeof right], key);
});

test('the configuration names only our own places', () => {
  const layout = containerdLayout('/data dir', 'abc');
  const text = formatContainerdConfig({
    layout,
    snapshotter: 'overlayfs',
    restrictOomScoreAdj: true,
    cniBinDirectory: '/usr/lib/cni',
    sandboxImage: 'berth.local/pause:1',
    handlers: { crun: '/usr/bin/crun' },
  });
  for (const line of [
    'version = 2',
    'root = "/data dir/containerd/root"',
    '  address = "/data dir/containerd/containerd.sock"',
    '  restrict_oom_score_adj = true',
    '  netns_mounts_under_state_dir = true',
    '  sandbox_image = "berth.local/pause:1"',
    '  conf_dir = "/data dir/cni/conf"',
    '[plugins."io.containerd.grpc.v1.cri".containerd.runtimes."crun".options]',
    '  BinaryName = "/usr/bin/crun"',
  ]) {
    assert.ok(text.split('\n').includes(line), line);
  }
  const paths = [...text.matchAll(/"(\/[^"]*)"/g)].map((match) => match[1] ?? '');
  assert.deepEqual(
    paths.filter((path) => !path.startsWith('/data dir/')),
    ['/usr/lib/cni', '/usr/bin/crun'],
  );
});

test('the network: one range for each family, host ports where they can be', () => {
  const both = JSON.parse(formatCniConfig({ bridge: 'b0', podCidrs: ['10.1.2.0/24', 'fd00::/64'], ipamDirectory: '/ipam', portmap: true, mtu: 1400 }));
  assert.deepEqual(both.plugins[0].ipam, {
    type: 'host-local',
    dataDir: '/ipam',
    ranges: [[{ subnet: '10.1.2.0/24' }], [{ subnet: 'fd00::/64' }]],
    routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
  });
  assert.deepEqual([both.plugins[0].mtu, both.plugins[1].type], [1400, 'portmap']);
  const bare = JSON.parse(formatCniConfig({ bridge: 'b0', podCidrs: ['10.1.2.0/24'], ipamDirectory: '/ipam', portmap: false, mtu: 0 }));
  assert.deepEqual([bare.plugins.length, 'mtu' in bare.plugins[0]], [1, false]);
});
