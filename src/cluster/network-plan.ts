import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';

/** A network of IPv4 addresses: `10.42.0.0/24`. */
interface Range {
  readonly first: number;
  readonly last: number;
}

function rangeOf(cidr: string): Range | undefined {
  const [address = '', bits = ''] = cidr.split('/');
  const parts = address.split('.').map(Number);
  const length = Number(bits);
  if (parts.length !== 4 || parts.some((part) => !Number.isInteger(part) || part < 0 || part > 255) || !Number.isInteger(length) || length < 0 || length > 32)
    return undefined;
  const value = parts.reduce((sum, part) => sum * 256 + part, 0);
  const size = 2 ** (32 - length);
  const first = Math.floor(value / size) * size;
  return { first, last: first + size - 1 };
}

export function overlaps(a: string, b: string): boolean {
  const x = rangeOf(a);
  const y = rangeOf(b);
  return x !== undefined && y !== undefined && x.first <= y.last && y.first <= x.last;
}

/** A /24 for this cluster's pods, away from every network that the machine has. `seed` spreads clusters that start at once. */
export function choosePodCidr(seed: number, taken: readonly string[]): string {
  for (let i = 0; i < 4096; i++) {
    const n = (seed + i) % 4096;
    const cidr = `10.${64 + Math.floor(n / 256)}.${n % 256}.0/24`;
    if (!taken.some((other) => overlaps(cidr, other))) return cidr;
  }
  throw new Error('no free network for pods between 10.64.0.0 and 10.79.255.0; name one with --pod-cidr');
}

/** The networks of the machine's own interfaces. */
export function takenNetworks(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).flatMap(({ family, cidr }) => (family === 'IPv4' && cidr !== null && cidr !== undefined ? [cidr] : [])),
  );
}

/** The machine's first address that others may reach, else loopback. */
export function nodeAddress(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { family, internal, address } of addresses ?? []) if (family === 'IPv4' && !internal && !isOurBridge(address)) return address;
  }
  return '127.0.0.1';
}

function isOurBridge(address: string): boolean {
  return overlaps(`${address}/32`, '10.64.0.0/12') && address.endsWith('.1');
}

/** The first of the wanted ports that is free on the address, else any free one. */
export async function choosePort(address: string, wanted: readonly number[]): Promise<number> {
  for (const port of wanted) if (port !== 0 && (await isFree(address, port))) return port;
  return listenOnce(address, 0).then((port) => port ?? 0);
}

export async function isFree(address: string, port: number): Promise<boolean> {
  return (await listenOnce(address, port)) !== undefined;
}

function listenOnce(address: string, port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ host: address, port, exclusive: true }, () => {
      const bound = server.address();
      server.close(() => resolve(typeof bound === 'object' && bound !== null ? bound.port : undefined));
    });
  });
}

const MOST_TRIES = 5;

/**
 * Listens on the wanted port, or on another when somebody has taken it since it was chosen (two clusters that start at once). The
 * port that came of it is what the caller remembers.
 */
export async function listenAnywhere<T>(listen: (port: number) => Promise<T>, wanted: number): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await listen(tries === 1 ? wanted : 0);
    } catch (thrown) {
      if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EADDRINUSE') || tries === MOST_TRIES) throw thrown;
    }
  }
}
