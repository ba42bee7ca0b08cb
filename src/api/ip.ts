/** Addresses and ranges as text, in the forms that Kubernetes takes. */
const V4 = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/;

export function isIPv4(text: string): boolean {
  const parts = V4.exec(text);
  return parts !== null && parts.slice(1).every((part) => Number(part) <= 255);
}

export function isIPv6(text: string): boolean {
  return text.length <= 45 && text.includes(':') && groupsOf(text) !== undefined;
}

export const isIP = (text: string): boolean => isIPv4(text) || isIPv6(text);

/** The eight groups of an IPv6 address; undefined when it is none. */
function groupsOf(text: string): readonly number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = [groupList(halves[0] ?? '', halves.length === 1), groupList(halves[1] ?? '', true)];
  if (head === undefined || tail === undefined) return undefined;
  if (halves.length === 1) return head.length === 8 ? head : undefined;
  if (head.length + tail.length > 7) return undefined;
  return [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

/** `last`: an IPv4 address may stand at the end. */
function groupList(text: string, last: boolean): readonly number[] | undefined {
  if (text === '') return [];
  const out: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (last && i === parts.length - 1 && isIPv4(part)) {
      const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number);
      out.push(a * 256 + b, c * 256 + d);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      out.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return out;
}

const IP_FAULT = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const CIDR_FAULT = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

const INTERFACE_FAULT = 'must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)';

const IP_ZEROS = 'must not have leading 0s';
const IP_MAPPED = 'must not be an IPv4-mapped IPv6 address';
const CIDR_ZEROS = 'must not have leading 0s in IP or prefix length';
const CIDR_MAPPED = 'must not have an IPv4-mapped IPv6 address';
const CIDR_BITS = 'must not have bits set beyond the prefix length';

/** What was no fault before 1.36 (KEP-4858). */
export const NEW_FAULTS: ReadonlySet<string> = new Set([IP_ZEROS, IP_MAPPED, CIDR_ZEROS, CIDR_MAPPED, CIDR_BITS]);

const withoutZeros = (text: string): string => text.replace(/(^|\.)0+(?=\d)/g, '$1');

/** Zeros in front are no octal numbers to everybody, and an address in another family's clothes passes where its own would not. */
export function ipFaults(text: string): readonly string[] {
  if (!isIP(text)) return isIPv4(withoutZeros(text)) ? [IP_ZEROS] : [IP_FAULT];
  return mappedIPv4(text) === undefined ? [] : [IP_MAPPED];
}

/** A range in any form; its address may have bits beyond its length. */
export function isCidr(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  return rest.length === 0 && bits !== undefined && /^\d{1,3}$/.test(bits) && isIP(address) && Number(bits) <= (isIPv4(address) ? 32 : 128);
}

export function cidrFaults(text: string): readonly string[] {
  const [address = '', bits = ''] = text.split('/');
  const plain = `${withoutZeros(address)}/${bits.replace(/^0+(?=\d)/, '')}`;
  if (!isCidr(plain) || text.split('/').length > 2) return [CIDR_FAULT];
  if (plain !== text) return [CIDR_ZEROS];
  if (mappedIPv4(address) !== undefined) return [CIDR_MAPPED];
  return networkOf(text) === canonicalIP(address) ? [] : [CIDR_BITS];
}

/** Fields that came late take an address in one form only. */
export function strictIpFaults(text: string): readonly string[] {
  const faults = ipFaults(text);
  const canonical = canonicalIP(text);
  return faults.length > 0 || text === canonical ? faults : [`must be in canonical form ("${canonical}")`];
}

export function strictCidrFaults(text: string): readonly string[] {
  const faults = cidrFaults(text);
  if (faults.length > 0) return faults;
  const [address = '', bits = ''] = text.split('/');
  const canonical = canonicalIP(address);
  return address === canonical ? [] : [`must be in canonical form ("${canonical}/${bits}")`];
}

/** An address with the length of its network, as an interface has it. */
export function interfaceAddressFaults(text: string): readonly string[] {
  const [address = '', bits = '', ...rest] = text.split('/');
  const [plain, length] = [withoutZeros(address), Number(bits)];
  if (rest.length > 0 || !isCidr(`${plain}/${bits.replace(/^0+(?=\d)/, '')}`)) return [INTERFACE_FAULT];
  const mapped = mappedIPv4(plain);
  const canonical = mapped === undefined ? `${canonicalIP(plain)}/${length}` : `${mapped}/${length > 32 ? length - 96 : length}`;
  return text === canonical ? [] : [`must be in canonical form ("${canonical}")`];
}

/** `IPv4`, `IPv6`, or undefined. */
export const familyOf = (text: string): 'IPv4' | 'IPv6' | undefined => (isIPv4(text) ? 'IPv4' : isIPv6(text) ? 'IPv6' : undefined);

/** As one number; undefined when the text is no address. */
function addressNumber(text: string): bigint | undefined {
  if (isIPv4(text)) return text.split('.').reduce((all, part) => all * 256n + BigInt(part), 0n);
  return groupsOf(text)?.reduce((all, group) => all * 65_536n + BigInt(group), 0n);
}

/** As RFC 5952 writes it: lower case, no leading zeros, the longest run of two or more zero groups as `::`. Well-formed input only. */
export function canonicalIP(text: string): string {
  const groups = isIPv4(text) ? undefined : groupsOf(text);
  return groups === undefined ? text : formatGroups(groups);
}

function formatGroups(groups: readonly number[]): string {
  // An IPv4 address in IPv6's clothes is written as such.
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) return `::ffff:${dotted(groups[6] ?? 0, groups[7] ?? 0)}`;
  const { start, length } = longestZeros(groups);
  const text = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  return length < 2 ? text(groups) : `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

const dotted = (high: number, low: number): string => [high >> 8, high & 255, low >> 8, low & 255].join('.');

function longestZeros(groups: readonly number[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

/** The IPv4 address that `::ffff:…` stands for; undefined for other addresses. */
export function mappedIPv4(text: string): string | undefined {
  const canonical = canonicalIP(text);
  return canonical.startsWith('::ffff:') && canonical.includes('.') ? canonical.slice('::ffff:'.length) : undefined;
}

/** The first address of a range, canonical. Well-formed input only. */
export function networkOf(cidr: string): string {
  const [base = '', bits = '0'] = cidr.split('/');
  const four = isIPv4(base);
  const shift = BigInt((four ? 32 : 128) - Number(bits));
  const first = ((addressNumber(base) ?? 0n) >> shift) << shift;
  const groups = Array.from({ length: four ? 2 : 8 }, (_, i) => Number((first >> BigInt(16 * ((four ? 1 : 7) - i))) & 0xffffn));
  return four ? dotted(groups[0] ?? 0, groups[1] ?? 0) : formatGroups(groups);
}

/** Whether all addresses of `inner` are in `outer`. Both are well-formed. */
export function cidrContains(outer: string, inner: string): boolean {
  const [base = '', bits = '0'] = outer.split('/');
  const [address = '', innerBits = '0'] = inner.split('/');
  if (familyOf(base) !== familyOf(address) || Number(innerBits) < Number(bits)) return false;
  const shift = BigInt((isIPv4(base) ? 32 : 128) - Number(bits));
  return (addressNumber(base) ?? 0n) >> shift === (addressNumber(address) ?? 0n) >> shift;
}
