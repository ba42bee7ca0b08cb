import type { AnyRequest } from './respond.ts';

/** RFC 9112 section 3.2.2: a server takes a whole URL too. */
export const originForm = (url: string): string => (url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?]*/i, '').replace(/^(?!\/)/, '/'));

export function mediaType(header: string | undefined): string {
  if (header === undefined) return '';
  const end = header.indexOf(';');
  return (end === -1 ? header : header.slice(0, end)).trim().toLowerCase();
}

/** A proxy before us may have given the request its id already. */
export function auditIdOf(request: AnyRequest): string | undefined {
  const given = request.headers['audit-id'];
  return typeof given === 'string' && given !== '' ? given.slice(0, 64) : undefined;
}
