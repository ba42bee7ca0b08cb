import assert from 'node:assert/strict';
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { describe, test } from 'node:test';
import { nodes, pods, secrets, serviceAccounts } from '../../api/gen/resources.ts';
import { builtinKinds } from '../../api/registry.ts';
import { defined } from '../../base/assert.ts';
import type { Keys } from '../../base/keys.ts';
import { SeededRandom } from '../../base/random.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import type { UserInfo } from '../../machinery/exchange.ts';
import type { JsonObject } from '../../machinery/object.ts';
import { StatusError } from '../../machinery/status-error.ts';
import { readerOf, type StoredObject, stored } from '../admission/testing.ts';
import { resourceAttributes } from '../authz/authorizer.ts';
import type { AuthorizeAttributes, Impersonated, RequestHeaders, SubresourceCall } from '../stages.ts';
import { authenticator, DEFAULT_SIGN_IN, tokenChecker } from './authenticate.ts';
import { impersonator } from './impersonate.ts';
import { signJwt, verifyJwt } from './jwt.ts';
import { secretTokenClaims } from './secret-token.ts';
import { tokenSubresource } from './token-request.ts';

const secret = Buffer.alloc(32, 1);
const keys: Keys = {
  digest: (data) => createHash('sha256').update(data).digest(),
  secret: (length) => new Uint8Array(length),
  signing: { algorithm: 'HS256', keyId: 'k1' },
  sign: (data) => createHmac('sha256', secret).update(data).digest(),
  verify: (id, data, signature) => {
    const own = createHmac('sha256', secret).update(data).digest();
    return id === 'k1' && own.length === signature.length && timingSafeEqual(own, signature);
  },
};
const tokens = { keys, issuer: 'https://issuer', audiences: ['https://issuer'] };
const account = stored(serviceAccounts, 'web', {}, 'shop');
const pod = stored(pods, 'web-0', { spec: { serviceAccountName: 'web', nodeName: 'n1', containers: [] } }, 'shop');
const everything: readonly StoredObject[] = [account, pod, stored(nodes, 'n1')];
const clock = new VirtualClock(Date.UTC(2026, 6, 1));
const random = new SeededRandom(5);

async function request(body: object, objects = everything, name = 'web'): Promise<{ token: string; body: JsonObject }> {
  const call: SubresourceCall = {
    user: { name: 'ann', groups: [] },
    kind: defined(
      builtinKinds().find(({ resource }) => resource === 'serviceaccounts'),
      'kind',
    ),
    namespace: 'shop',
    name,
    subresource: 'token',
    method: 'POST',
    rest: '',
    query: [],
    parent: readerOf(objects).get('', 'serviceaccounts', 'shop', name),
    reader: readerOf(objects),
    nowMs: clock.now(),
    dryRun: false,
    signal: undefined,
    warn: () => {},
  };
  const answer = await tokenSubresource(tokens, random).handle(call, body as JsonObject);
  return { token: (answer.body['status'] as { token: string }).token, body: answer.body };
}

const signIn = (token: string, objects = everything, at = clock): UserInfo | undefined =>
  authenticator({ tokens, reader: readerOf(objects), clock: at, signIn: () => DEFAULT_SIGN_IN })({ bearerToken: token }) as UserInfo | undefined;

const bound = { spec: { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'web-0', uid: 'uid-web-0' } } };

describe('service-account tokens', () => {
  test('what a token says', async () => {
    const { token, body } = await request(bound);
    const now = clock.now() / 1000;
    assert.deepEqual(verifyJwt(token, keys), {
      aud: ['https://issuer'],
      exp: now + 3600,
      iat: now,
      iss: 'https://issuer',
      jti: verifyJwt(token, keys)?.['jti'],
      'kubernetes.io': {
        namespace: 'shop',
        node: { name: 'n1', uid: 'uid-n1' },
        pod: { name: 'web-0', uid: 'uid-web-0' },
        serviceaccount: { name: 'web', uid: 'uid-web' },
      },
      nbf: now,
      sub: 'system:serviceaccount:shop:web',
    });
    assert.deepEqual((body['spec'] as JsonObject)['expirationSeconds'], 3600);
    assert.equal((body['status'] as JsonObject)['expirationTimestamp'], '2026-07-01T01:00:00Z');
  });

  const inVolume = { boundObjectRef: bound.spec.boundObjectRef, expirationSeconds: 3607 };
  const lifetimes: readonly (readonly [string, object, number, number | undefined])[] = [
    ["a pod's volume", inVolume, 31_536_000, 3607],
    ["a pod's volume, for others", { ...inVolume, audiences: ['https://issuer', 'vault'] }, 3607, undefined],
    ["a pod's, an hour", { ...inVolume, expirationSeconds: 3600 }, 3600, undefined],
    ['no pod', { expirationSeconds: 3607 }, 3607, undefined],
  ];
  for (const [what, spec, seconds, warnAfter] of lifetimes) {
    test(`how long it is good: ${what}`, async () => {
      const { token, body } = await request({ spec });
      const now = clock.now() / 1000;
      const claims = defined(verifyJwt(token, keys), 'claims');
      assert.equal(claims['exp'], now + seconds);
      assert.equal((claims['kubernetes.io'] as JsonObject)['warnafter'], warnAfter === undefined ? undefined : now + warnAfter);
      // Whoever renews it is told of the time that was asked for.
      const { expirationSeconds = 3607 } = spec as { expirationSeconds?: number };
      assert.equal((body['spec'] as JsonObject)['expirationSeconds'], expirationSeconds);
      assert.equal(Date.parse(String((body['status'] as JsonObject)['expirationTimestamp'])), clock.now() + expirationSeconds * 1000);
    });
  }

  test('who it is', async () => {
    const user = signIn((await request(bound)).token);
    assert.equal(user?.name, 'system:serviceaccount:shop:web');
    assert.deepEqual(user?.groups, ['system:serviceaccounts', 'system:serviceaccounts:shop', 'system:authenticated']);
    assert.deepEqual(user?.extra?.['authentication.kubernetes.io/pod-name'], ['web-0']);
    assert.deepEqual(user?.extra?.['authentication.kubernetes.io/node-name'], ['n1']);
  });

  const later = (hours: number) => new VirtualClock(clock.now() + hours * 3_600_000);
  const gone = (at: string) => [{ ...account, object: { ...account.object, metadata: { ...account.object.metadata, deletionTimestamp: at } } }, pod];
  const rows: readonly (readonly [string, (token: string) => UserInfo | undefined, boolean])[] = [
    ['now', (token) => signIn(token), true],
    ['after it has expired', (token) => signIn(token, everything, later(1.1)), false],
    ['before it was made', (token) => signIn(token, everything, later(-1)), false],
    ['with another signature', (token) => signIn(`${token.slice(0, -3)}AAA`), false],
    ['with other claims', (token) => signIn(token.replace(/\.[^.]+\./, `.${Buffer.from('{}').toString('base64url')}.`)), false],
    ['after its pod is gone', (token) => signIn(token, [account]), false],
    ['after its pod is another one', (token) => signIn(token, [account, { ...pod, object: { metadata: { ...pod.object.metadata, uid: 'new' } } }]), false],
    ['after its account is gone', (token) => signIn(token, [pod]), false],
    ['just after its account was deleted', (token) => signIn(token, gone('2026-06-30T23:59:30Z')), true],
    ['long after its account was deleted', (token) => signIn(token, gone('2026-06-30T23:00:00Z')), false],
  ];
  for (const [when, use, good] of rows)
    test(`${when}: ${good ? 'good' : 'refused'}`, async () => assert.equal(use((await request(bound)).token) !== undefined, good));

  test('an algorithm of the token’s own choice is not taken', async () => {
    const [, body = ''] = (await request({})).token.split('.');
    const none = Buffer.from(JSON.stringify({ alg: 'none', kid: 'k1' })).toString('base64url');
    assert.equal(signIn(`${none}.${body}.`), undefined);
  });

  test('another audience', async () => {
    const { token } = await request({ spec: { audiences: ['vault'] } });
    assert.equal(signIn(token), undefined);
    const check = tokenChecker({ tokens, reader: readerOf(everything), clock, signIn: () => ({ oidc: [], anonymous: 'nowhere' }) });
    assert.equal('user' in check(token, ['vault', 'other']), true);
    assert.deepEqual(check(token, ['other']), { error: 'token audiences ["vault"] is invalid for the target audiences ["other"]' });
  });

  const refusals: readonly (readonly [object, string])[] = [
    [
      { spec: { expirationSeconds: 10 } },
      'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 10: may not specify a duration less than 10 minutes',
    ],
    [
      { metadata: { name: 'other' } },
      'TokenRequest.authentication.k8s.io "web" is invalid: metadata.name: Invalid value: "other": must match the service account name if specified',
    ],
    [
      { metadata: { namespace: 'other' } },
      'TokenRequest.authentication.k8s.io "web" is invalid: metadata.namespace: Invalid value: "other": must match the service account namespace if specified',
    ],
    [{ spec: { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'nope' } } }, 'pods "nope" not found'],
    [
      { spec: { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'web-0', uid: 'old' } } },
      'Operation cannot be fulfilled on Pod "web-0": the UID in the bound object reference (old) does not match the UID in record. The object might have been deleted and then recreated',
    ],
    [{ spec: { boundObjectRef: { apiVersion: 'v1', kind: 'ConfigMap', name: 'x' } } }, 'cannot bind token to object of type /v1, Kind=ConfigMap'],
    [{ spec: { boundObjectRef: { apiVersion: 'apps/v1', kind: 'Pod', name: 'x' } } }, 'cannot bind token to object of type apps/v1, Kind=Pod'],
    [{ spec: { boundObjectRef: { apiVersion: 'a/b/c', kind: 'x' } } }, 'cannot bind token to object of type /, Kind=x'],
    // The version does not matter.
    [{ spec: { boundObjectRef: { kind: 'Pod', name: 'nope' } } }, 'pods "nope" not found'],
    [{ spec: { boundObjectRef: { apiVersion: 'v2', kind: 'Node', name: 'nope' } } }, 'nodes "nope" not found'],
  ];
  for (const [body, message] of refusals)
    test(message, () => assert.rejects(request(body), (thrown) => thrown instanceof StatusError && thrown.message === message));
});

test('a token that stands in a Secret is good until the Secret is marked', () => {
  const token = signJwt(secretTokenClaims({ namespace: 'shop', secret: 'robot', account: { name: 'web', uid: 'uid-web' } }), keys);
  let noted: object | undefined;
  const use = (labels: object) => {
    const object = { type: 'kubernetes.io/service-account-token', metadata: { labels }, data: { token: Buffer.from(token).toString('base64') } };
    const reader = readerOf([account, stored(secrets, 'robot', object, 'shop')]);
    noted = undefined;
    const check = tokenChecker({ tokens, reader, clock, signIn: () => DEFAULT_SIGN_IN, noteSecretToken: (_, labels) => (noted = labels) });
    const checked = check(token, tokens.audiences);
    return 'user' in checked ? checked.user.name : checked.error;
  };
  const today = { 'kubernetes.io/legacy-token-last-used': '2026-07-01' };
  assert.equal(use({ 'kubernetes.io/legacy-token-last-used': '2026-06-29' }), 'system:serviceaccount:shop:web');
  assert.deepEqual(noted, today, 'the day of its use is noted');
  assert.equal(use(today), 'system:serviceaccount:shop:web');
  assert.equal(noted, undefined, 'once');
  assert.equal(
    use({ 'kubernetes.io/legacy-token-invalid-since': '2026-06-30' }),
    "the token in secret shop/robot for service account shop/web has been marked invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the 'kubernetes.io/legacy-token-invalid-since' label from the secret to temporarily allow use of this token",
  );
});

test('bootstrap tokens', () => {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const make = (more: Record<string, string> = {}): StoredObject => {
    const data = {
      'token-id': 'abcdef',
      'token-secret': '0123456789abcdef',
      'usage-bootstrap-authentication': 'true',
      'auth-extra-groups': 'system:bootstrappers:workers',
      ...more,
    };
    return stored(
      secrets,
      'bootstrap-token-abcdef',
      { type: 'bootstrap.kubernetes.io/token', data: Object.fromEntries(Object.entries(data).map(([k, v]) => [k, base64(v)])) },
      'kube-system',
    );
  };
  const use = (object: StoredObject) => signIn('abcdef.0123456789abcdef', [object]);
  assert.deepEqual(use(make()), { name: 'system:bootstrap:abcdef', groups: ['system:bootstrappers', 'system:bootstrappers:workers', 'system:authenticated'] });
  assert.equal(use(make({ 'token-secret': 'ffffffffffffffff' })), undefined);
  assert.equal(use(make({ expiration: '2026-06-01T00:00:00Z' })), undefined);
  assert.equal(use(make({ expiration: '2027-01-01' })), undefined);
  assert.notEqual(use(make({ expiration: '2027-01-01T00:00:00+02:00' })), undefined);
  assert.equal(use(make({ 'usage-bootstrap-authentication': 'false' })), undefined);
  assert.equal(use(make({ 'auth-extra-groups': 'system:masters' })), undefined);
  // It is for this server: whoever reviews tokens for another is told no.
  const check = tokenChecker({ tokens, reader: readerOf([make()]), clock, signIn: () => ({ oidc: [], anonymous: 'nowhere' }) });
  assert.ok('error' in check('abcdef.0123456789abcdef', ['vault']));
  assert.ok('user' in check('abcdef.0123456789abcdef', tokens.audiences));
});

test('certificates, anonymous, nonsense', () => {
  const authenticate = authenticator({ tokens, reader: readerOf([]), clock, signIn: () => DEFAULT_SIGN_IN });
  const certificate = { commonName: 'ann', organizations: ['devs'], raw: new Uint8Array(3) };
  assert.deepEqual(
    { ...(authenticate({ certificate }) as UserInfo), extra: undefined },
    { name: 'ann', groups: ['devs', 'system:authenticated'], extra: undefined },
  );
  assert.equal((authenticate({ certificate: { ...certificate, uid: '42' } }) as UserInfo).uid, '42');
  assert.equal((authenticate({}) as UserInfo).name, 'system:anonymous');
  assert.equal(authenticate({ bearerToken: 'nonsense' }), undefined);
  assert.equal(authenticator({ tokens, reader: readerOf([]), clock, signIn: () => ({ oidc: [], anonymous: 'nowhere' }) })({}), undefined);
});

test('anonymous at some paths only', () => {
  const authenticate = authenticator({ tokens, reader: readerOf([]), clock, signIn: () => ({ oidc: [], anonymous: new Set(['/livez']) }) });
  assert.deepEqual(
    ['/livez', '/livez/ping', '/api', undefined].map((path) => (authenticate({ path }) as UserInfo | undefined)?.name),
    ['system:anonymous', undefined, undefined, undefined],
  );
});

describe('impersonation', () => {
  const ann: UserInfo = { name: 'ann', groups: ['staff'], extra: { 'authentication.kubernetes.io/credential-id': ['x'] } };
  const robot: UserInfo = { name: 'system:serviceaccount:ci:robot', groups: [], extra: { 'authentication.kubernetes.io/node-name': ['n1'] } };
  const listing: AuthorizeAttributes = resourceAttributes({ user: ann, verb: 'list', group: '', version: 'v1', resource: 'pods', namespace: 'shop' });

  /** Who it is in the end or the message of the refusal, with all that was asked for on the way. */
  const tried = (headers: RequestHeaders, may: (verb: string, resource: string, name: string) => boolean, requestor = ann) => {
    const asked: string[] = [];
    const impersonate = impersonator(({ verb, group, resource, subresource, namespace, name }) => {
      asked.push(`${verb} ${group}/${resource}/${subresource} ${namespace} ${name}`);
      return { allowed: may(verb, resource, name), reason: '' };
    });
    try {
      return { found: impersonate(requestor, headers, () => ({ ...listing, user: requestor })) as Impersonated, asked };
    } catch (thrown) {
      assert.ok(thrown instanceof StatusError);
      return { code: thrown.code, message: thrown.message, asked };
    }
  };
  const old = (verb: string): boolean => verb === 'impersonate';

  test('without headers nothing is asked', () => {
    assert.deepEqual(
      tried({ accept: 'x' }, () => false),
      { found: { user: ann }, asked: [] },
    );
  });

  test('the constrained way asks for the request, then for every part', () => {
    const headers = { 'impersonate-user': 'bob', 'impersonate-uid': '7', 'impersonate-group': ['a', 'b'], 'impersonate-extra-example.com%2fscopes': 'read' };
    assert.deepEqual(
      tried(headers, () => true),
      {
        found: {
          user: { name: 'bob', uid: '7', groups: ['a', 'b', 'system:authenticated'], extra: { 'example.com/scopes': ['read'] } },
          constraint: 'impersonate:user-info',
        },
        asked: [
          'impersonate-on:user-info:list /pods/ shop ',
          'impersonate:user-info authentication.k8s.io/users/  bob',
          'impersonate:user-info authentication.k8s.io/uids/  7',
          'impersonate:user-info authentication.k8s.io/groups/  a',
          'impersonate:user-info authentication.k8s.io/groups/  b',
          'impersonate:user-info authentication.k8s.io/userextras/example.com/scopes  read',
        ],
      },
    );
  });

  test('the old way asks for every part only', () => {
    const headers = { 'impersonate-user': 'bob', 'impersonate-group': ['a'], 'impersonate-extra-scopes': 'read' };
    assert.deepEqual(tried(headers, old), {
      found: { user: { name: 'bob', groups: ['a', 'system:authenticated'], extra: { scopes: ['read'] } } },
      asked: [
        'impersonate-on:user-info:list /pods/ shop ',
        'impersonate /users/  bob',
        'impersonate /groups/  a',
        'impersonate authentication.k8s.io/userextras/scopes  read',
      ],
    });
  });

  test('the first refusal is the one that is told', () => {
    assert.equal(
      tried({ 'impersonate-user': 'bob' }, () => false).message,
      'pods is forbidden: User "ann" cannot impersonate-on:user-info:list resource "pods" in API group "" in the namespace "shop"',
    );
    assert.equal(
      tried({ 'impersonate-user': 'bob' }, (verb) => verb.startsWith('impersonate-on:')).message,
      'users.authentication.k8s.io "bob" is forbidden: User "ann" cannot impersonate:user-info resource "users" in API group "authentication.k8s.io" at the cluster scope',
    );
  });

  test('service accounts and nodes have their own ways and groups', () => {
    const account = tried({ 'impersonate-user': 'system:serviceaccount:ci:robot' }, () => true);
    assert.deepEqual(account.found, {
      user: { name: 'system:serviceaccount:ci:robot', groups: ['system:serviceaccounts', 'system:serviceaccounts:ci', 'system:authenticated'] },
      constraint: 'impersonate:serviceaccount',
    });
    assert.deepEqual(account.asked, [
      'impersonate-on:serviceaccount:list /pods/ shop ',
      'impersonate:serviceaccount authentication.k8s.io/serviceaccounts/ ci robot',
    ]);
    const node = { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] };
    assert.deepEqual(
      tried({ 'impersonate-user': 'system:node:n1' }, () => true),
      {
        found: { user: node, constraint: 'impersonate:arbitrary-node' },
        asked: ['impersonate-on:arbitrary-node:list /pods/ shop ', 'impersonate:arbitrary-node authentication.k8s.io/nodes/  n1'],
      },
    );
    assert.deepEqual(
      tried({ 'impersonate-user': 'system:node:n1' }, () => true, robot),
      {
        found: { user: node, constraint: 'impersonate:associated-node' },
        asked: ['impersonate-on:associated-node:list /pods/ shop ', 'impersonate:associated-node authentication.k8s.io/nodes/  *'],
      },
    );
    // With more than the name, or in the old way, a node is a user.
    assert.deepEqual(tried({ 'impersonate-user': 'system:node:n1', 'impersonate-group': 'x' }, () => true).found, {
      user: { name: 'system:node:n1', groups: ['x', 'system:authenticated'] },
    });
  });

  test('of what nobody may in the constrained way', () => {
    const refusal = (headers: RequestHeaders) => tried({ 'impersonate-user': 'bob', ...headers }, (verb) => verb !== 'impersonate').message;
    assert.equal(
      refusal({ 'impersonate-group': 'system:masters' }),
      'groups.authentication.k8s.io "system:masters" is forbidden: User "ann" cannot impersonate:user-info resource "groups" in API group "authentication.k8s.io" at the cluster scope: impersonating the system:masters group is not allowed',
    );
    assert.match(
      refusal({ 'impersonate-extra-scopes': 'read' }) ?? '',
      /impersonating an invalid key in extra is not allowed: extra\.key: Invalid value: "scopes": must be a domain-prefixed path/,
    );
  });

  test('many groups are asked for at once first', () => {
    const groups = ['a', 'b', 'c', 'd'];
    const all = tried({ 'impersonate-user': 'bob', 'impersonate-group': groups }, () => true);
    assert.equal(all.asked.at(-1), 'impersonate:user-info authentication.k8s.io/groups/  *');
    const each = tried({ 'impersonate-user': 'bob', 'impersonate-group': groups }, (_, __, name) => name !== '*');
    assert.deepEqual(
      each.asked.slice(-5),
      ['*', 'a', 'b', 'c', 'd'].map((name) => `impersonate:user-info authentication.k8s.io/groups/  ${name}`),
    );
  });

  test('everybody is authenticated or not', () => {
    const groups = (name: string, ...given: readonly string[]) => tried({ 'impersonate-user': name, 'impersonate-group': given }, old).found?.user.groups;
    assert.deepEqual(groups('system:anonymous'), ['system:unauthenticated']);
    assert.deepEqual(groups('system:anonymous', 'system:authenticated'), ['system:authenticated', 'system:unauthenticated']);
    assert.deepEqual(groups('bob', 'system:unauthenticated'), ['system:unauthenticated']);
    assert.deepEqual(groups('bob', 'system:authenticated'), ['system:authenticated']);
  });

  test('nothing without a user', () => {
    const { code, message } = tried({ 'impersonate-group': ['x', 'y'], 'impersonate-extra-a': 'b' }, () => true);
    assert.equal(code, 400);
    assert.equal(
      message,
      'requested &user.DefaultInfo{Name:"", UID:"", Groups:[]string{"x", "y"}, Extra:map[string][]string{"a":[]string{"b"}}} without impersonating a user name',
    );
  });
});
