/** A range of addresses in CIDR form, as numbers: both families with the same arithmetic. */
export interface IpRange {
  readonly text: string;
  readonly family: 'IPv4' | 'IPv6';
  readonly base: bigint;
  /** Addresses that may be given out: without the network's own and, in IPv4, the broadcast address. */
  readonly size: number;
}

/** Throws RangeError: it is configuration. */
export function parseIpRange(cidr: string): IpRange {
  const [text = '', bitsText = ''] = cidr.split('/');
  const parsed = parseIp(text);
  const bits = Number(bitsText);
  const width = parsed?.family === 'IPv6' ? 128 : 32;
  if (parsed === undefined || !/^\d+$/.test(bitsText) || bits > width - 2) throw new RangeError(`${cidr} is no usable range of addresses`);
  const host = BigInt(width - bits);
  const base = (parsed.value >> host) << host;
  const most = host > 20n ? 1_048_576 : Number(1n << host);
  return { text: cidr, family: parsed.family, base, size: most - (parsed.family === 'IPv4' ? 2 : 1) };
}

/** The address at an offset from 1. */
export const ipAt = (range: IpRange, offset: number): string => formatIp(range.base + BigInt(offset), range.family);

export function contains(range: IpRange, ip: string): boolean {
  const parsed = parseIp(ip);
  if (parsed === undefined || parsed.family !== range.family) return false;
  const offset = parsed.value - range.base;
  return offset >= 1n && offset <= BigInt(range.size);
}

export function parseIp(text: string): { readonly family: 'IPv4' | 'IPv6'; readonly value: bigint } | undefined {
  return text.includes(':') ? parseIp6(text) : parseIp4(text);
}

function parseIp4(text: string): { readonly family: 'IPv4'; readonly value: bigint } | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((p) => /^(?:0|[1-9]\d{0,2})$/.test(p) && Number(p) < 256)) return undefined;
  return { family: 'IPv4', value: parts.reduce((sum, p) => sum * 256n + BigInt(p), 0n) };
}

function parseIp6(text: string): { readonly family: 'IPv6'; readonly value: bigint } | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...new Array<string>(missing).fill('0'), ...tail];
  if (!groups.every((g) => /^[0-9a-fA-F]{1,4}$/.test(g))) return undefined;
  return { family: 'IPv6', value: groups.reduce((sum, g) => sum * 65536n + BigInt(`0x${g}`), 0n) };
}

/** RFC 5952 for IPv6. */
function formatIp(value: bigint, family: 'IPv4' | 'IPv6'): string {
  if (family === 'IPv4') return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn));
  const { start, length } = longestZeros(groups);
  const hex = (part: readonly number[]): string => part.map((g) => g.toString(16)).join(':');
  return length < 2 ? hex(groups) : `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

function longestZeros(groups: readonly number[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}
