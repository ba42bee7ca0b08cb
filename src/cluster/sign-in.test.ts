import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type Log, silentLog } from '../base/log.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { formatFieldError } from '../machinery/field-error.ts';
import type { Json } from '../machinery/object.ts';
import { authenticationConfig } from './authentication-config.ts';
import { checkConfig, defaultConfig } from './config.ts';
import { openSignIn } from './sign-in.ts';

const OWN = 'https://kubernetes.default.svc.cluster.local';
const root = mkdtempSync(join(tmpdir(), 'berth-sign-in-'));
after(() => rmSync(root, { recursive: true }));

const config = (jwt: Json, more: object = {}): Json => ({ apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AuthenticationConfiguration', jwt, ...more });
const issuer = { url: 'https://id.example', audiences: ['berth'] };
const username = { claim: 'sub', prefix: 'id:' };
const one = (more: object = {}): Json => config([{ issuer, claimMappings: { username }, ...more }]);

describe('an AuthenticationConfiguration', () => {
  it('says who counts as whom', () => {
    const { config: read, errors } = authenticationConfig(
      config(
        [
          {
            issuer: { ...issuer, discoveryURL: 'https://id.internal/discovery', audiences: ['berth', 'other'], audienceMatchPolicy: 'MatchAny' },
            claimValidationRules: [{ claim: 'hd', requiredValue: 'example.com' }],
            claimMappings: { username: { claim: 'email', prefix: '' }, groups: { claim: 'roles', prefix: 'id:' }, uid: { claim: 'oid' } },
          },
        ],
        { anonymous: { enabled: true, conditions: [{ path: '/livez' }, { path: '/readyz' }] } },
      ),
      OWN,
    );
    assert.deepEqual(errors, []);
    assert.deepEqual(read.anonymous, new Set(['/livez', '/readyz']));
    const [jwt] = read.jwt;
    assert.equal(jwt?.discoveryUrl, 'https://id.internal/discovery');
    const { algorithms: _, ...settings } = jwt?.settings ?? { algorithms: [] };
    assert.deepEqual(settings, {
      issuer: 'https://id.example',
      audiences: ['berth', 'other'],
      usernameClaim: 'email',
      usernamePrefix: '-',
      groupsClaim: 'roles',
      groupsPrefix: 'id:',
      uidClaim: 'oid',
      requiredClaims: { hd: 'example.com' },
    });
  });

  const CEL = 'Forbidden: CEL expressions are not supported here; use claim, prefix and requiredValue';
  const rows: readonly (readonly [what: string, config: Json, errors: readonly string[]])[] = [
    ['all that is needed', one(), []],
    [
      'another kind',
      { kind: 'Pod', apiVersion: 'v1' },
      ['kind: Invalid value: "Pod": must be AuthenticationConfiguration', 'apiVersion: Invalid value: "v1": must be apiserver.config.k8s.io/v1'],
    ],
    ['a field that nobody knows', one({ issuers: [] }), ['jwt[0].issuers: Invalid value: "issuers": unknown field "issuers"']],
    [
      'fields that nobody knows, further in',
      config([{ issuer, claimMappings: { username: { ...username, prefixes: '' } } }], { anonymous: { enabled: true, condition: [] } }),
      [
        'jwt[0].claimMappings.username.prefixes: Invalid value: "prefixes": unknown field "prefixes"',
        'anonymous.condition: Invalid value: "condition": unknown field "condition"',
      ],
    ],
    [
      'values of another type',
      config([{ issuer, claimMappings: { username: { claim: 'sub', prefix: 7 } }, claimValidationRules: [{ claim: 'hd', requiredValue: true }] }], {
        anonymous: { enabled: 'yes', conditions: { path: '/livez' } },
      }),
      [
        'jwt[0].claimMappings.username.prefix: Invalid value: 7: must be a string',
        'jwt[0].claimValidationRules[0].requiredValue: Invalid value: true: must be a string',
        'anonymous.enabled: Invalid value: "yes": must be a boolean',
        'anonymous.conditions: Invalid value: {"path":"/livez"}: must be a list',
      ],
    ],
    [
      'no issuer',
      one({ issuer: {} }),
      ['jwt[0].issuer.url: Required value', 'jwt[0].issuer.audiences: Required value: at least one jwt[0].issuer.audiences is required'],
    ],
    [
      'plain HTTP, with a password',
      one({ issuer: { ...issuer, url: 'http://a:b@id.example?x=1' } }),
      [
        'jwt[0].issuer.url: Invalid value: "http://a:b@id.example?x=1": URL scheme must be https',
        'jwt[0].issuer.url: Invalid value: "http://a:b@id.example?x=1": URL must not contain a username or password',
        'jwt[0].issuer.url: Invalid value: "http://a:b@id.example?x=1": URL must not contain a query',
      ],
    ],
    [
      "the cluster's own issuer",
      one({ issuer: { ...issuer, url: OWN } }),
      [`jwt[0].issuer.url: Invalid value: "${OWN}": URL must not overlap with disallowed issuers: [${OWN}]`],
    ],
    [
      'an issuer twice',
      config([
        { issuer, claimMappings: { username } },
        { issuer, claimMappings: { username } },
      ]),
      ['jwt[1].issuer.url: Duplicate value: "https://id.example"'],
    ],
    [
      'discovery at the issuer',
      one({ issuer: { ...issuer, discoveryURL: 'https://id.example/' } }),
      ['jwt[0].issuer.discoveryURL: Invalid value: "https://id.example/": discoveryURL must be different from URL'],
    ],
    [
      'two audiences without a policy',
      one({ issuer: { ...issuer, audiences: ['a', 'b'] } }),
      ['jwt[0].issuer.audienceMatchPolicy: Invalid value: "": audienceMatchPolicy must be MatchAny for multiple audiences'],
    ],
    [
      'a CA that is none',
      one({ issuer: { ...issuer, certificateAuthority: 'x' } }),
      ['jwt[0].issuer.certificateAuthority: Invalid value: "<omitted>": data does not contain any valid RSA or ECDSA certificates'],
    ],
    ['no user', one({ claimMappings: {} }), ['jwt[0].claimMappings.username: Required value: claim or expression is required']],
    [
      'no prefix',
      one({ claimMappings: { username: { claim: 'sub' } } }),
      ['jwt[0].claimMappings.username.prefix: Required value: prefix is required when claim is set. It can be set to an empty string to disable prefixing'],
    ],
    ['an expression for the user', one({ claimMappings: { username: { expression: 'claims.sub' } } }), [`jwt[0].claimMappings.username.expression: ${CEL}`]],
    [
      'expressions elsewhere',
      one({
        claimValidationRules: [{ expression: 'claims.x == 1' }],
        userValidationRules: [{ expression: 'true' }],
        claimMappings: { username, extra: [{ key: 'a.b/c', valueExpression: 'claims.x' }] },
      }),
      [
        `jwt[0].userValidationRules[0].expression: ${CEL}`,
        `jwt[0].claimValidationRules[0].expression: ${CEL}`,
        `jwt[0].claimMappings.extra[0].valueExpression: ${CEL}`,
      ],
    ],
    [
      'rules about nothing, and twice',
      one({ claimValidationRules: [{}, { claim: 'a' }, { claim: 'a', message: 'm' }] }),
      [
        'jwt[0].claimValidationRules[0]: Required value: claim or expression is required',
        'jwt[0].claimValidationRules[2].message: Invalid value: "m": may not be specified when claim is set',
        'jwt[0].claimValidationRules[2].claim: Duplicate value: "a"',
      ],
    ],
    [
      'conditions for nobody',
      config([], { anonymous: { enabled: false, conditions: [{ path: '/livez' }] } }),
      ['anonymous.conditions: Invalid value: [{"path":"/livez"}]: enabled should be set to true when conditions are defined'],
    ],
  ];
  for (const [what, given, errors] of rows) it(what, () => assert.deepEqual(authenticationConfig(given, OWN).errors.map(formatFieldError), errors));
});

describe('the options of a provider', () => {
  const settings = { uidClaim: '', usernameClaim: 'sub', usernamePrefix: '', groupsClaim: '', groupsPrefix: '', requiredClaims: {}, caFile: '' };
  const rows: readonly (readonly [issuer: string, client: string, algorithm: string, message: string])[] = [
    ['', 'berth', 'RS256', '--oidc-issuer-url is required with --oidc-client-id'],
    ['https://id.example', '', 'RS256', '--oidc-client-id is required with --oidc-issuer-url'],
    ['http://id.example', 'berth', 'RS256', '--oidc-issuer-url http://id.example: an https URL is expected'],
    ['https://', 'berth', 'RS256', '--oidc-issuer-url https://: an https URL is expected'],
    ['https://id.example?a=b', 'berth', 'RS256', '--oidc-issuer-url https://id.example?a=b: a URL without user, query and fragment is expected'],
  ];
  for (const [issuer, client, algorithm, message] of rows)
    it(message, () => {
      const oidc = { ...settings, issuer, audiences: [client], algorithms: [algorithm] };
      assert.throws(() => checkConfig({ ...defaultConfig({ root: false, hostname: 'x' }), oidc }), { message });
    });
});

describe('the file', () => {
  it('is followed; what is wrong is said, and changes nothing', async () => {
    const file = join(root, 'authentication.yaml');
    const write = (config: Json): void => {
      writeFileSync(`${file}.new`, JSON.stringify(config));
      renameSync(`${file}.new`, file);
    };
    let next = Promise.withResolvers<string>();
    const say = (line: string): void => {
      const said = next;
      next = Promise.withResolvers();
      said.resolve(line);
    };
    const log: Log = { ...silentLog, info: (message) => say(message), error: (message, fields) => say(`${message}: ${String(fields?.['cause'])}`) };
    write(config([], { anonymous: { enabled: false } }));
    using opened = await openSignIn({ oidc: undefined, authenticationConfigFile: file }, { clock: new VirtualClock(), log, issuer: OWN });
    assert.deepEqual(opened.signIn(), { oidc: [], anonymous: 'nowhere' });
    let said = next.promise;
    write(one());
    assert.equal(await said, 'the authentication configuration has changed');
    assert.deepEqual([opened.signIn().oidc.length, opened.signIn().anonymous], [1, 'everywhere']);
    said = next.promise;
    write(one({ claimMappings: {} }));
    assert.match(await said, /is not taken.*authentication\.yaml: jwt\[0\]\.claimMappings\.username: Required value/);
    assert.equal(opened.signIn().oidc.length, 1);
  });

  it('of a CA is named with its option, and so is the issuer of the cluster itself', async () => {
    const around = { clock: new VirtualClock(), log: silentLog, issuer: OWN };
    const settings = { issuer: 'https://id.example', audiences: ['berth'], usernameClaim: 'sub', usernamePrefix: '', groupsClaim: '', groupsPrefix: '' };
    const oidc = (more: object) => ({ ...settings, uidClaim: '', requiredClaims: {}, algorithms: ['RS256'], caFile: '', ...more });
    const open = (more: object) => openSignIn({ oidc: oidc(more), authenticationConfigFile: '' }, around);
    const file = join(root, 'ca.crt');
    await assert.rejects(open({ caFile: file }), /^Error: --oidc-ca-file .*ca\.crt can't be read: ENOENT/);
    writeFileSync(file, 'no certificate\n');
    await assert.rejects(open({ caFile: file }), { message: `--oidc-ca-file ${file}: no certificate is in it` });
    await assert.rejects(open({ issuer: OWN }), { message: `--oidc-issuer-url ${OWN}: the cluster's own tokens are of that issuer` });
  });

  it('that is wrong at the start, or missing, is named', async () => {
    const around = { clock: new VirtualClock(), log: silentLog, issuer: OWN };
    await assert.rejects(
      openSignIn({ oidc: undefined, authenticationConfigFile: join(root, 'absent') }, around),
      /--authentication-config .*absent can't be read/,
    );
    const file = join(root, 'wrong.yaml');
    writeFileSync(file, 'kind: Pod\n');
    await assert.rejects(
      openSignIn({ oidc: undefined, authenticationConfigFile: file }, around),
      /--authentication-config .*wrong\.yaml: kind: Invalid value: "Pod"/,
    );
  });
});
