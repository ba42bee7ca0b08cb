import type { UserInfo } from '../../machinery/exchange.ts';
import { getOwn, setOwn } from '../../machinery/record.ts';
import { badRequest, internalError } from '../../machinery/status-error.ts';
import { type Authorizer, resourceAttributes } from '../authz/authorizer.ts';
import { refused } from '../handlers/attributes.ts';
import type { AuthorizeAttributes, Impersonate, RequestHeaders } from '../stages.ts';
import { parseServiceAccountUser, serviceAccountGroups } from './service-account-token.ts';

const EXTRA = 'impersonate-extra-';
const AUTHENTICATION = 'authentication.k8s.io';

interface Wanted {
  readonly name: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/** Acting as somebody else (`kubectl --as`): every part of the other identity must be allowed by the verb `impersonate`. */
export function impersonator(authorize: Authorizer): Impersonate {
  return (user, headers) => {
    const wanted = parseHeaders(headers);
    if (wanted === undefined) return user;
    for (const attributes of questions(user, wanted)) {
      const decision = authorize(attributes);
      if (!decision.allowed) throw refused(attributes, decision);
    }
    return identity(wanted);
  };
}

function parseHeaders(headers: RequestHeaders): Wanted | undefined {
  const name = values(headers, 'impersonate-user')[0] ?? '';
  const uid = values(headers, 'impersonate-uid')[0] ?? '';
  const groups = values(headers, 'impersonate-group');
  const extra: Record<string, readonly string[]> = {};
  for (const header in headers) if (header.startsWith(EXTRA)) setOwn(extra, unescapeKey(header.slice(EXTRA.length)), values(headers, header));
  const more = groups.length > 0 || uid !== '' || Object.keys(extra).length > 0;
  if (name !== '') return { name, uid, groups, extra };
  if (!more) return undefined;
  throw internalError(`requested [${[...groups, ...Object.keys(extra), ...(uid === '' ? [] : [uid])].join(' ')}] without impersonating a user`);
}

/** Node joins a header that came several times with comma and space, where it does not keep them apart. */
function values(headers: RequestHeaders, name: string): readonly string[] {
  const value = getOwn(headers, name);
  if (value === undefined) return [];
  return typeof value === 'string' ? value.split(', ') : value;
}

function unescapeKey(text: string): string {
  try {
    return decodeURIComponent(text).toLowerCase();
  } catch {
    throw badRequest(`invalid key ${JSON.stringify(text)} of an impersonated extra field`);
  }
}

function* questions(user: UserInfo, { name, uid, groups, extra }: Wanted): Generator<AuthorizeAttributes> {
  const ask = (group: string, resource: string, rest: Partial<AuthorizeAttributes>): AuthorizeAttributes =>
    resourceAttributes({ user, verb: 'impersonate', group, resource, version: 'v1', ...rest });
  const account = parseServiceAccountUser(name);
  yield account === undefined ? ask('', 'users', { name }) : ask('', 'serviceaccounts', account);
  if (uid !== '') yield ask(AUTHENTICATION, 'uids', { name: uid });
  for (const group of groups) yield ask('', 'groups', { name: group });
  for (const [key, each] of Object.entries(extra)) for (const value of each) yield ask(AUTHENTICATION, 'userextras', { subresource: key, name: value });
}

/** A service account has its groups without asking for them; everybody is either authenticated or anonymous. */
function identity({ name, uid, groups, extra }: Wanted): UserInfo {
  const account = parseServiceAccountUser(name);
  const own = groups.length === 0 && account !== undefined ? serviceAccountGroups(account.namespace) : groups;
  const state = name === 'system:anonymous' ? 'system:unauthenticated' : 'system:authenticated';
  const stated = own.includes('system:authenticated') || own.includes('system:unauthenticated');
  return {
    name,
    ...(uid === '' ? {} : { uid }),
    groups: stated ? own : [...own, state],
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}
