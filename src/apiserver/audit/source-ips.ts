import type { RequestHeaders } from '../stages.ts';

/** From the client to us: what proxies say (X-Forwarded-For, else X-Real-Ip), then the peer itself. */
export function sourceIps(headers: RequestHeaders, remoteAddress: string | undefined): readonly string[] {
  const forwarded = text(headers['x-forwarded-for'])
    .split(',')
    .map((each) => each.trim())
    .filter(isAddress);
  const real = text(headers['x-real-ip']).trim();
  const before = forwarded.length > 0 ? forwarded : isAddress(real) ? [real] : [];
  const peer = remoteAddress?.startsWith('::ffff:') === true ? remoteAddress.slice(7) : remoteAddress;
  return peer === undefined || before.at(-1) === peer ? before : [...before, peer];
}

const text = (header: string | readonly string[] | undefined): string => (typeof header === 'string' ? header : (header?.join(',') ?? ''));
const isAddress = (value: string): boolean => /^[0-9a-fA-F:.]{2,45}$/.test(value);
