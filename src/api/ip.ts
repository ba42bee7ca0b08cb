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

export const ipFaults = (text: string): readonly string[] => (isIP(text) ? [] : [IP_FAULT]);

export function cidrFaults(text: string): readonly string[] {
  const [address = '', bits, ...rest] = text.split('/');
  const valid = rest.length === 0 && bits !== undefined && /^\d{1,3}$/.test(bits) && isIP(address) && Number(bits) <= (isIPv4(address) ? 32 : 128);
  return valid ? [] : [CIDR_FAULT];
}

/** `IPv4`, `IPv6`, or undefined. */
export const familyOf = (text: string): 'IPv4' | 'IPv6' | undefined => (isIPv4(text) ? 'IPv4' : isIPv6(text) ? 'IPv6' : undefined);

/** As one number; undefined when the text is no address. */
function addressNumber(text: string): bigint | undefined {
  if (isIPv4(text)) return text.split('.').reduce((all, part) => all * 256n + BigInt(part), 0n);
  return groupsOf(text)?.reduce((all, group) => all * 65_536n + BigInt(group), 0n);
}

/** Whether all addresses of `inner` are in `outer`. Both are well-formed. */
export function cidrContains(outer: string, inner: string): boolean {
  const [base = '', bits = '0'] = outer.split('/');
  const [address = '', innerBits = '0'] = inner.split('/');
  if (familyOf(base) !== familyOf(address) || Number(innerBits) < Number(bits)) return false;
  const shift = BigInt((isIPv4(base) ? 32 : 128) - Number(bits));
  return (addressNumber(base) ?? 0n) >> shift === (addressNumber(address) ?? 0n) >> shift;
}
