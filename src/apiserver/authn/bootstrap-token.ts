import { secrets } from '../../api/gen/resources.ts';
import type { UserInfo } from '../../machinery/exchange.ts';
import { getOwn } from '../../machinery/record.ts';
import { parseTime } from '../../machinery/time.ts';
import type { StoredReader } from '../stages.ts';
import { storedGet } from '../stored.ts';

const FORM = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const GROUP = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;
const BOOTSTRAPPERS = 'system:bootstrappers';

/**
 * Who a bootstrap token (`abcdef.0123456789abcdef`) is: it stands in a Secret of kube-system that is named after its first
 * part. Undefined when it is no such token or not good for signing in.
 */
export function bootstrapTokenUser(token: string, reader: StoredReader, nowMs: number): UserInfo | undefined {
  const parts = FORM.exec(token);
  if (parts === null) return undefined;
  const [, id = '', secret = ''] = parts;
  const found = storedGet(reader, secrets, 'kube-system', `bootstrap-token-${id}`);
  if (found === undefined || found.type !== 'bootstrap.kubernetes.io/token' || found.metadata.deletionTimestamp !== undefined) return undefined;
  const field = (key: string): string => decode(getOwn(found.data, key) ?? '');
  if (field('token-id') !== id || !sameText(field('token-secret'), secret)) return undefined;
  if (field('usage-bootstrap-authentication') !== 'true') return undefined;
  const expiration = field('expiration');
  // A time that can't be read counts as over.
  if (expiration !== '' && !((parseTime(expiration) ?? 0) > nowMs)) return undefined;
  const groups = field('auth-extra-groups')
    .split(',')
    .filter((group) => group !== '');
  if (!groups.every((group) => GROUP.test(group))) return undefined;
  return { name: `system:bootstrap:${id}`, groups: [...new Set([BOOTSTRAPPERS, ...groups, 'system:authenticated'])] };
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}

/** In time that does not depend on where they differ. */
function sameText(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let at = 0; at < a.length; at++) difference |= a.charCodeAt(at) ^ b.charCodeAt(at);
  return difference === 0;
}
