import { domainPrefixedPathErrors } from '../../api/domain-prefixed-path.ts';
import type { UserInfo } from '../../machinery/exchange.ts';
import { FieldPath, formatFieldError } from '../../machinery/field-error.ts';
import { dns1123SubdomainFaults } from '../../machinery/names.ts';
import { getOwn, setOwn } from '../../machinery/record.ts';
import { badRequest, type StatusError } from '../../machinery/status-error.ts';
import { type Authorizer, resourceAttributes } from '../authz/authorizer.ts';
import { refused } from '../handlers/attributes.ts';
import type { AuthorizeAttributes, Impersonate, Impersonated, RequestHeaders } from '../stages.ts';
import { parseNodeName, parseServiceAccountUser, serviceAccountGroups } from './service-account-token.ts';

const EXTRA = 'impersonate-extra-';
const AUTHENTICATION = 'authentication.k8s.io';
const NODE_USER = 'system:node:';
const ANONYMOUS = 'system:anonymous';
const AUTHENTICATED = 'system:authenticated';
const UNAUTHENTICATED = 'system:unauthenticated';
/** So many values are first asked for with one question about all of them. */
const MANY = 4;

/** What the headers ask for, as they say it. */
interface Wanted {
  readonly name: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/**
 * Acting as somebody else (`kubectl --as`). First the constrained ways (KEP-5284): `impersonate-on:MODE:VERB` allows the request itself,
 * `impersonate:MODE` every part of the other identity. Then the old one, the verb `impersonate`, which allows every request.
 */
export function impersonator(authorize: Authorizer): Impersonate {
  return (requestor, headers, attributes) => {
    const wanted = parseHeaders(headers);
    if (wanted === undefined) return { user: requestor };
    let first: StatusError | undefined;
    for (const { mode, applies } of MODES) {
      if (!applies(wanted, requestor)) continue;
      const tried = attempt(authorize, mode, requestor, wanted, attributes);
      if ('user' in tried) return tried;
      first ??= tried.refusal;
    }
    const tried = attempt(authorize, undefined, requestor, wanted, attributes);
    if ('user' in tried) return tried;
    throw first ?? tried.refusal;
  };
}

type Mode = 'associated-node' | 'arbitrary-node' | 'serviceaccount' | 'user-info';

interface ModeRule {
  readonly mode: Mode;
  readonly applies: (wanted: Wanted, requestor: UserInfo) => boolean;
}

/** In the order in which they are tried. Of nodes and service accounts only the name can be said; the server knows the rest. */
const MODES: readonly ModeRule[] = [
  {
    mode: 'associated-node',
    applies: (wanted, { name, extra }) =>
      onlyName(wanted) && nodeName(wanted.name) !== undefined && parseServiceAccountUser(name) !== undefined && parseNodeName(extra) === nodeName(wanted.name),
  },
  { mode: 'arbitrary-node', applies: (wanted) => onlyName(wanted) && nodeName(wanted.name) !== undefined },
  { mode: 'serviceaccount', applies: (wanted) => onlyName(wanted) && parseServiceAccountUser(wanted.name) !== undefined },
  { mode: 'user-info', applies: ({ name }) => nodeName(name) === undefined && parseServiceAccountUser(name) === undefined },
];

const onlyName = ({ uid, groups, extra }: Wanted): boolean => uid === '' && groups.length === 0 && Object.keys(extra).length === 0;

function nodeName(user: string): string | undefined {
  const name = user.startsWith(NODE_USER) ? user.slice(NODE_USER.length) : '';
  return name !== '' && dns1123SubdomainFaults(name).length === 0 ? name : undefined;
}

/** `mode` undefined: the old way, which knows no modes. */
function attempt(
  authorize: Authorizer,
  mode: Mode | undefined,
  requestor: UserInfo,
  wanted: Wanted,
  attributes: () => AuthorizeAttributes,
): Impersonated | { readonly refusal: StatusError } {
  const user = mode === 'associated-node' ? withoutExtra(requestor) : requestor;
  const refusalOf = (question: AuthorizeAttributes): StatusError | undefined => {
    const decision = authorize(question);
    if (decision.allowed) return undefined;
    const { reason, evaluationError: error } = decision;
    return refused(question, error === undefined ? decision : { ...decision, reason: reason === '' ? error : `${error}: ${reason}` });
  };
  if (mode !== undefined) {
    const about = attributes();
    const refusal = refusalOf({ ...about, user, verb: `impersonate-on:${mode}:${about.verb}` });
    if (refusal !== undefined) return { refusal };
  }
  for (const step of steps(mode, user, wanted)) {
    if ('why' in step) return { refusal: refused(step.about, { allowed: false, reason: step.why }) };
    if (step.instead !== undefined && refusalOf(step.instead) === undefined) continue;
    for (const question of step.ask) {
      const refusal = refusalOf(question);
      if (refusal !== undefined) return { refusal };
    }
  }
  return mode === undefined ? { user: identity(wanted) } : { user: identity(wanted, mode), constraint: `impersonate:${mode}` };
}

/** Whoever may act as its own node may do so on every node: what differs from one to the next is not looked at. */
function withoutExtra({ extra, ...user }: UserInfo): UserInfo {
  return { ...user, extra: { 'authentication.kubernetes.io/associated-node-keys': Object.keys(extra ?? {}).sort() } };
}

/** Questions that all have to be answered with yes, unless one about all of them is; or something that nobody may. */
type Step =
  | { readonly ask: readonly AuthorizeAttributes[]; readonly instead?: AuthorizeAttributes | undefined }
  | { readonly about: AuthorizeAttributes; readonly why: string };

function* steps(mode: Mode | undefined, user: UserInfo, { name, uid, groups, extra }: Wanted): Generator<Step> {
  const verb = mode === undefined ? 'impersonate' : `impersonate:${mode}`;
  const ask = (resource: string, rest: Partial<AuthorizeAttributes>, group = mode === undefined ? '' : AUTHENTICATION): AuthorizeAttributes =>
    resourceAttributes({ user, verb, group, resource, version: 'v1', ...rest });
  yield { ask: [nameQuestion(mode, name, ask)] };
  if (uid !== '') yield { ask: [ask('uids', { name: uid }, AUTHENTICATION)] };
  if (groups.length > 0) {
    if (mode !== undefined && groups.includes('')) yield { about: ask('groups', {}), why: 'impersonating the empty string group is not allowed' };
    if (mode !== undefined && groups.includes('system:masters'))
      yield { about: ask('groups', { name: 'system:masters' }), why: 'impersonating the system:masters group is not allowed' };
    const instead = mode !== undefined && groups.length >= MANY ? ask('groups', { name: '*' }) : undefined;
    yield { ask: groups.map((group) => ask('groups', { name: group })), instead };
  }
  const pairs = Object.entries(extra).flatMap(([key, values]) => values.map((value) => [key, value] as const));
  const fault = mode === undefined ? undefined : extraFault(extra);
  if (fault !== undefined) yield { about: ask('userextras', {}, AUTHENTICATION), why: fault };
  const instead = mode !== undefined && pairs.length >= MANY ? ask('userextras', { subresource: '*', name: '*' }, AUTHENTICATION) : undefined;
  if (pairs.length > 0) yield { ask: pairs.map(([key, value]) => ask('userextras', { subresource: key, name: value }, AUTHENTICATION)), instead };
}

function nameQuestion(
  mode: Mode | undefined,
  name: string,
  ask: (resource: string, rest: Partial<AuthorizeAttributes>) => AuthorizeAttributes,
): AuthorizeAttributes {
  const node = mode === undefined ? undefined : nodeName(name);
  if (node !== undefined) return ask('nodes', { name: mode === 'associated-node' ? '*' : node });
  const account = parseServiceAccountUser(name);
  return account === undefined ? ask('users', { name }) : ask('serviceaccounts', account);
}

/** The old way takes anything here. */
function extraFault(extra: Wanted['extra']): string | undefined {
  for (const [key, values] of Object.entries(extra)) {
    if (key === '') return 'impersonating the empty string key in extra is not allowed';
    const faults = domainPrefixedPathErrors(key, new FieldPath('extra').child('key')).map(formatFieldError);
    if (faults.length > 0) return `impersonating an invalid key in extra is not allowed: ${faults.length === 1 ? faults.join('') : `[${faults.join(', ')}]`}`;
    if (key !== key.toLowerCase()) return `impersonating a non-lowercase key in extra is not allowed: ${JSON.stringify(key)}`;
    if (values.includes('')) return 'impersonating the empty string value in extra is not allowed';
  }
  return undefined;
}

/** A service account has its groups without asking for them, and so has a node; everybody is either authenticated or anonymous. */
function identity({ name, uid, groups, extra }: Wanted, mode?: Mode): UserInfo {
  const account = parseServiceAccountUser(name);
  const isNode = mode === 'associated-node' || mode === 'arbitrary-node';
  const own = isNode ? ['system:nodes'] : groups.length === 0 && account !== undefined ? serviceAccountGroups(account.namespace) : groups;
  const state = name === ANONYMOUS || own.includes(UNAUTHENTICATED) ? UNAUTHENTICATED : AUTHENTICATED;
  return {
    name,
    ...(uid === '' ? {} : { uid }),
    groups: own.includes(state) ? own : [...own, state],
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}

function parseHeaders(headers: RequestHeaders): Wanted | undefined {
  const name = values(headers, 'impersonate-user')[0] ?? '';
  const uid = values(headers, 'impersonate-uid')[0] ?? '';
  const groups = values(headers, 'impersonate-group');
  const extra: Record<string, readonly string[]> = {};
  for (const header in headers) {
    if (!header.startsWith(EXTRA)) continue;
    const key = unescapeKey(header.slice(EXTRA.length).toLowerCase());
    setOwn(extra, key, [...(getOwn(extra, key) ?? []), ...values(headers, header)]);
  }
  const wanted = { name, uid, groups, extra };
  if (name !== '') return wanted;
  if (onlyName(wanted)) return undefined;
  throw badRequest(`requested ${inGo(wanted)} without impersonating a user name`);
}

/** As Go prints it (`%#v`). */
function inGo({ name, uid, groups, extra }: Wanted): string {
  const list = (items: readonly string[]): string => `[]string{${items.map((item) => JSON.stringify(item)).join(', ')}}`;
  const keys = Object.keys(extra).sort();
  const pairs = keys.map((key) => `${JSON.stringify(key)}:${list(getOwn(extra, key) ?? [])}`);
  const groupText = groups.length === 0 ? '[]string(nil)' : list(groups);
  const extraText = keys.length === 0 ? 'map[string][]string(nil)' : `map[string][]string{${pairs.join(', ')}}`;
  return `&user.DefaultInfo{Name:${JSON.stringify(name)}, UID:${JSON.stringify(uid)}, Groups:${groupText}, Extra:${extraText}}`;
}

function values(headers: RequestHeaders, name: string): readonly string[] {
  const value = getOwn(headers, name);
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}

/** What is not escaped as it should be is taken as it stands. */
function unescapeKey(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
