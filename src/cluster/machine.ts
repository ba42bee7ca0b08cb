import { readFile, statfs } from 'node:fs/promises';
import { arch, availableParallelism, hostname, release, totalmem } from 'node:os';
import type { ClusterDns, Machine } from '../node/options.ts';

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', arm: 'arm', ia32: '386', ppc64: 'ppc64le', s390x: 's390x' };

/** What the machine is, asked once at start. `directory`: on the disk that counts as ephemeral storage. */
export async function readMachine(directory: string): Promise<Machine> {
  const [osRelease, machineId, bootId, productUuid, disk] = await Promise.all([
    text('/etc/os-release'),
    text('/etc/machine-id'),
    text('/proc/sys/kernel/random/boot_id'),
    text('/sys/class/dmi/id/product_uuid'),
    statfs(directory),
  ]);
  return {
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    ephemeralStorageBytes: disk.blocks * disk.bsize,
    operatingSystem: process.platform === 'darwin' ? 'darwin' : 'linux',
    architecture: ARCHITECTURES[arch()] ?? arch(),
    kernelVersion: release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(osRelease)?.[1] ?? 'Linux',
    machineId: machineId.trim(),
    systemUuid: productUuid.trim() === '' ? machineId.trim() : productUuid.trim(),
    bootId: bootId.trim(),
    hostname: hostname(),
  };
}

/** The node's own name servers, for pods with dnsPolicy Default (resolv.conf(5)). */
export async function readHostDns(): Promise<ClusterDns['host']> {
  const lines = (await text('/etc/resolv.conf')).split('\n').map((line) => line.trim().split(/\s+/));
  const of = (keyword: string): readonly string[] => lines.filter(([first]) => first === keyword).flatMap(([, ...rest]) => rest);
  return { servers: of('nameserver').slice(0, 3), searches: of('search'), options: of('options') };
}

async function text(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    // Not on every system; the caller has a value for an empty text.
    return '';
  }
}
