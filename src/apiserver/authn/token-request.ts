import { nodes, pods, secrets, serviceAccounts } from '../../api/gen/resources.ts';
import type { BoundObjectReference, TokenRequest } from '../../api/gen/types/authentication.v1.ts';
import type { Random } from '../../base/random.ts';
import { FieldPath, invalid } from '../../machinery/field-error.ts';
import type { JsonObject, KubeObject, Stored } from '../../machinery/object.ts';
import { badRequest, conflict, invalidObject, objectNotFound } from '../../machinery/status-error.ts';
import { formatTime } from '../../machinery/time.ts';
import type { ObjectSubresource, StoredReader, SubresourceCall } from '../stages.ts';
import { storedGet } from '../stored.ts';
import { signJwt } from './jwt.ts';
import { claimsOf, type NameAndUid, type TokenIssuer, type TokenSubject } from './service-account-token.ts';

const DEFAULT_SECONDS = 3600;
const SHORTEST_SECONDS = 600;
const LONGEST_SECONDS = 2 ** 32;
/** What admission asks for in a pod's own volume: the odd seconds tell it from a wish of a user's. */
const POD_VOLUME_SECONDS = 3607;
const YEAR_SECONDS = 365 * 24 * 3600;

/** POST …/serviceaccounts/NAME/token: a new token, bound to what the request names. */
export function tokenSubresource(tokens: TokenIssuer, random: Random): ObjectSubresource {
  return {
    group: '',
    resource: serviceAccounts.resource,
    subresource: 'token',
    handle(call, body) {
      const request = (body ?? {}) as unknown as TokenRequest;
      const account = call.parent as Stored<KubeObject> | undefined;
      if (account === undefined) throw objectNotFound({ group: '', resource: 'serviceaccounts' }, call.name);
      requireSame(call, 'name', request.metadata?.name);
      requireSame(call, 'namespace', request.metadata?.namespace);
      const seconds = request.spec?.expirationSeconds ?? DEFAULT_SECONDS;
      validateSeconds(seconds);
      const asked = request.spec?.audiences ?? [];
      const audiences = asked.length === 0 ? tokens.audiences : asked;
      const bound = request.spec?.boundObjectRef;
      const subject: TokenSubject = {
        namespace: call.namespace,
        serviceAccount: { name: call.name, uid: account.metadata.uid },
        ...(bound === undefined || bound === null ? {} : boundTo(bound, call)),
      };
      const { issuer, keys } = tokens;
      // Programs that read their token once and never again go on working, as long as their pod lives.
      const isExtended = seconds === POD_VOLUME_SECONDS && subject.pod !== undefined && audiences.every((each) => tokens.audiences.includes(each));
      const lifetime = isExtended ? { seconds: YEAR_SECONDS, warnAfterSeconds: seconds } : { seconds };
      const token = signJwt(claimsOf(subject, { issuer, audiences, nowMs: call.nowMs, ...lifetime, random }), keys);
      const metadata = { name: call.name, namespace: call.namespace, creationTimestamp: formatTime(call.nowMs) };
      const spec = { ...request.spec, audiences, expirationSeconds: seconds, boundObjectRef: bound ?? null };
      const status = { token, expirationTimestamp: formatTime(call.nowMs + seconds * 1000) };
      return { code: 201, body: { kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', metadata, spec, status } as unknown as JsonObject };
    },
  };
}

/** What the body says of its account is what the path says. */
function requireSame(call: SubresourceCall, field: 'name' | 'namespace', said: string | undefined): void {
  if (said === undefined || said === '' || said === call[field]) return;
  const error = invalid(new FieldPath('metadata').child(field), said, `must match the service account ${field} if specified`);
  throw invalidObject({ group: 'authentication.k8s.io', kind: 'TokenRequest' }, call.name, [error]);
}

function validateSeconds(seconds: number): void {
  const path = new FieldPath('spec').child('expirationSeconds');
  const wrong =
    seconds < SHORTEST_SECONDS
      ? 'may not specify a duration less than 10 minutes'
      : seconds > LONGEST_SECONDS
        ? 'may not specify a duration larger than 2^32 seconds'
        : undefined;
  if (wrong !== undefined) throw invalidObject({ group: 'authentication.k8s.io', kind: 'TokenRequest' }, '', [invalid(path, seconds, wrong)]);
}

/** What the token is bound to, which has to be there and be the very object that was meant. */
function boundTo(bound: BoundObjectReference, { reader, namespace, name: account }: SubresourceCall): Partial<TokenSubject> {
  const name = bound.name ?? '';
  const [group, version] = groupVersionOf(bound.apiVersion ?? '');
  // Kubernetes looks at the group only: any version of the core group will do.
  const kind = group === '' ? bound.kind : undefined;
  if (kind === 'Pod') {
    const pod = storedGet(reader, pods, namespace, name);
    if (pod === undefined) throw objectNotFound({ group: '', resource: 'pods' }, name);
    if (pod.spec?.serviceAccountName !== account) {
      throw badRequest(`cannot bind token for serviceaccount ${JSON.stringify(account)} to pod running with different serviceaccount name.`);
    }
    const nodeName = pod.spec.nodeName ?? '';
    return { pod: sameObject(bound, pod), ...(nodeName === '' ? {} : { node: nodeOf(reader, nodeName) }) };
  }
  if (kind === 'Secret') {
    const secret = storedGet(reader, secrets, namespace, name);
    if (secret === undefined) throw objectNotFound({ group: '', resource: 'secrets' }, name);
    return { secret: sameObject(bound, secret) };
  }
  if (kind === 'Node') {
    const node = storedGet(reader, nodes, '', name);
    if (node === undefined) throw objectNotFound({ group: '', resource: 'nodes' }, name);
    return { node: sameObject(bound, node) };
  }
  throw badRequest(`cannot bind token to object of type ${group}/${version}, Kind=${bound.kind ?? ''}`);
}

/** Of an apiVersion that is none both are empty. */
function groupVersionOf(apiVersion: string): readonly [string, string] {
  const [first = '', second, more] = apiVersion.split('/');
  if (more !== undefined) return ['', ''];
  return second === undefined ? ['', first] : [first, second];
}

function sameObject(bound: BoundObjectReference, { metadata: { name, uid } }: Stored<KubeObject>): NameAndUid {
  if (bound.uid !== undefined && bound.uid !== '' && bound.uid !== uid) {
    throw conflict(
      { group: '', resource: bound.kind ?? '' },
      name,
      `the UID in the bound object reference (${bound.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  return { name, uid };
}

function nodeOf(reader: StoredReader, name: string): NameAndUid {
  return { name, uid: storedGet(reader, nodes, '', name)?.metadata.uid ?? '' };
}
