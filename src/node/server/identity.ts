import type { TLSSocket } from 'node:tls';
import type { UserInfo } from '../../machinery/exchange.ts';

/** What a request asks of the node, in the terms of authorization: `nodes`, this node's name, and the subresource. */
export interface NodeAttributes {
  readonly user: UserInfo;
  readonly verb: 'get' | 'create' | 'update' | 'patch' | 'delete';
  /** Of `nodes`, from the most specific to `proxy`: one of them suffices. Kubernetes 1.36, KubeletFineGrainedAuthz. */
  readonly subresources: readonly string[];
}

/** SubjectAccessReview by the API server. */
export type AuthorizeNode = (attributes: NodeAttributes) => Promise<boolean>;

/** TokenReview by the API server; undefined: not a valid token. */
export type AuthenticateToken = (token: string) => Promise<UserInfo | undefined>;

/** The user of a client certificate that our CA signed: common name and organizations. */
export function userOfCertificate(socket: TLSSocket): UserInfo | undefined {
  if (!socket.authorized) return undefined;
  const { subject } = socket.getPeerCertificate();
  const name = subject?.CN;
  if (typeof name !== 'string' || name === '') return undefined;
  const organizations = subject.O;
  const groups = organizations === undefined ? [] : Array.isArray(organizations) ? organizations : [organizations];
  return { name, groups: [...groups, 'system:authenticated'] };
}

const VERBS: Readonly<Record<string, NodeAttributes['verb']>> = { GET: 'get', HEAD: 'get', POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };

/** Undefined: a method that the node has no verb for. */
export function attributesOf(method: string, path: string, user: UserInfo): NodeAttributes | undefined {
  const verb = VERBS[method];
  if (verb === undefined) return undefined;
  const first = path.split('/')[1] ?? '';
  return { user, verb, subresources: subresources(first) };
}

function subresources(first: string): readonly string[] {
  switch (first) {
    case 'stats':
      return ['stats'];
    case 'metrics':
      return ['metrics'];
    case 'logs':
      return ['log'];
    case 'healthz':
    case 'configz':
    case 'pods':
      return [first, 'proxy'];
    default:
      return ['proxy'];
  }
}
