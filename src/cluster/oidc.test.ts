import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type OidcSettings, type OidcTokens, oidcTokens, oidcUser } from '../apiserver/authn/oidc.ts';
import { SystemClock } from '../base/system-clock.ts';
import { type Log, silentLog } from '../base/log.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import type { JsonObject } from '../machinery/object.ts';
import { Certificates } from './certificates.ts';
import { oidcKeys } from './oidc-keys.ts';

const SETTINGS: OidcSettings = {
  issuer: 'https://id.example',
  audiences: ['berth', 'also'],
  uidClaim: '',
  usernameClaim: 'sub',
  usernamePrefix: '',
  groupsClaim: 'groups',
  groupsPrefix: 'oidc:',
  requiredClaims: {},
  algorithms: ['RS256', 'ES256'],
};
const CLAIMS: JsonObject = { iss: 'https://id.example', aud: 'berth', sub: 'jane', exp: 2000, groups: ['dev'] };

describe('OIDC: who claims say it is', () => {
  const rows: readonly (readonly [what: string, settings: Partial<OidcSettings>, claims: JsonObject, expected: string | RegExp])[] = [
    ['the subject, behind the issuer', {}, {}, 'https://id.example#jane'],
    ['a prefix', { usernamePrefix: 'id:' }, {}, 'id:jane'],
    ['no prefix', { usernamePrefix: '-' }, {}, 'jane'],
    ['an address that is verified', { usernameClaim: 'email' }, { email: 'j@x', email_verified: true }, 'j@x'],
    ['an address that is not', { usernameClaim: 'email' }, { email: 'j@x', email_verified: false }, /email not verified/],
    ['any of its audiences', { usernamePrefix: '-' }, { aud: ['other', 'also'] }, 'jane'],
    ['a uid that is missing', { uidClaim: 'id' }, {}, /could not find a string in the claim "id"/],
    ['another audience', {}, { aud: ['other'] }, /expected audience in \["berth","also"\]/],
    ['another issuer', {}, { iss: 'https://evil' }, /different provider/],
    ['an end that is past', {}, { exp: 999 }, /expired/],
    ['no end', {}, { exp: null }, /expired/],
    ['a beginning that is far', {}, { nbf: 1500 }, /not valid yet/],
    ['a claim that is required', { requiredClaims: { hd: 'x' } }, { hd: 'y' }, /required claim hd/],
    ['groups that are no texts', {}, { groups: ['dev', 1] }, /could not find a string or a list of strings in the claim "groups"/],
    ['a number for groups', {}, { groups: 7 }, /could not find a string or a list of strings in the claim "groups"/],
    ['groups that are null', { usernamePrefix: '-' }, { groups: null }, 'jane'],
    ['no name', { usernameClaim: 'constructor' }, {}, /could not find a string/],
  ];
  for (const [what, settings, claims, expected] of rows) {
    it(what, () => {
      const found = oidcUser({ ...SETTINGS, ...settings }, { ...CLAIMS, ...claims }, 1_000_000);
      if (typeof expected === 'string') assert.equal(typeof found === 'string' ? found : found.name, expected);
      else assert.match(String(found), expected);
    });
  }
  it('a uid', () =>
    assert.deepEqual(oidcUser({ ...SETTINGS, groupsClaim: '', uidClaim: 'id' }, { ...CLAIMS, id: 'u-7' }, 0), {
      name: 'https://id.example#jane',
      uid: 'u-7',
      groups: ['system:authenticated'],
    }));
  it('groups with their prefix', () =>
    assert.deepEqual(oidcUser(SETTINGS, CLAIMS, 0), { name: 'https://id.example#jane', groups: ['oidc:dev', 'system:authenticated'] }));
});

describe('OIDC: a provider', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const clock = new VirtualClock();
  const log: Log = { ...silentLog, warn: (message, fields) => void warnings.push(`${message}: ${fields?.['cause']}`) };
  let server: Server;
  let directory: string;
  let settings: OidcSettings;
  let tokens: OidcTokens;
  let asked = 0;
  let moved = false;
  const warnings: string[] = [];
  let keys: readonly object[] = [];

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-oidc-'));
    const certificates = await Certificates.open(directory, new SystemClock());
    const pair = await certificates.issue({ commonName: 'id', organizations: [], dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'], usages: ['server'] });
    server = createServer({ key: pair.keyPem, cert: pair.certPem }, ({ url }, response) => {
      asked++;
      if (moved && url?.startsWith('/moved') !== true) return void response.writeHead(302, { location: `/moved${url}` }).end();
      response.end(JSON.stringify(url?.endsWith('/keys') === true ? { keys } : { issuer: settings.issuer, jwks_uri: `${settings.issuer}/keys` }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    settings = { ...SETTINGS, issuer: `https://127.0.0.1:${address.port}` };
    keys = [{ ...rsa.publicKey.export({ format: 'jwk' }), kid: 'r', use: 'sig' }];
    tokens = oidcTokens(settings, oidcKeys({ issuer: settings.issuer, caPem: certificates.caPem, clock, log }), () => 1_000_000);
  });
  after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(directory, { recursive: true });
  });

  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const token = (alg: string, kid: string, key: KeyObject, claims: JsonObject = {}): string => {
    const data = `${encode({ alg, kid })}.${encode({ ...CLAIMS, iss: settings.issuer, ...claims })}`;
    return `${data}.${sign('sha256', Buffer.from(data), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
  };
  const said = async (text: string): Promise<string> => {
    const checked = await tokens.check(text);
    return 'user' in checked ? checked.user.name : checked.error;
  };

  it('its tokens are known by their issuer, and verified with its keys, which are fetched once', async () => {
    const good = token('RS256', 'r', rsa.privateKey);
    assert.deepEqual(
      [tokens.issued(good), tokens.issued(token('RS256', 'r', rsa.privateKey, { iss: 'https://other' })), tokens.issued('nothing')],
      [true, false, false],
    );
    assert.equal(await said(good), `${settings.issuer}#jane`);
    assert.equal(await said(token('RS256', 'r', rsa.privateKey, { sub: 'joe' })), `${settings.issuer}#joe`);
    assert.equal(asked, 2);
  });

  it('what it did not sign proves nothing', async () => {
    const [head = '', , signature = ''] = token('RS256', 'r', rsa.privateKey).split('.');
    assert.match(await said(`${head}.${encode({ ...CLAIMS, iss: settings.issuer, sub: 'root' })}.${signature}`), /failed to verify signature/);
    assert.match(await said(token('ES256', 'r', ec.privateKey)), /failed to verify signature/);
    assert.match(await said(`${encode({ alg: 'none' })}.${encode({ ...CLAIMS, iss: settings.issuer })}.`), /signed with "none"/);
    assert.equal(asked, 2, 'a token that is wrong does not make the provider be asked');
  });

  it('a new key is found when a token names it, not more often than every ten seconds', async () => {
    keys = [...keys, { ...ec.publicKey.export({ format: 'jwk' }), kid: 'e' }];
    assert.match(await said(token('ES256', 'e', ec.privateKey)), /no matching key/);
    await clock.advance(10_000, async () => {});
    assert.equal(await said(token('ES256', 'e', ec.privateKey)), `${settings.issuer}#jane`);
    assert.equal(asked, 4);
  });
  it('a key that is replaced under its name is fetched again, and what the old one signed is forgotten', async () => {
    const replaced = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    keys = [{ ...replaced.publicKey.export({ format: 'jwk' }), kid: 'e' }];
    await clock.advance(10_000, async () => {});
    assert.equal(await said(token('ES256', 'e', replaced.privateKey)), `${settings.issuer}#jane`);
    assert.match(await said(token('RS256', 'r', rsa.privateKey)), /failed to verify signature/);
    assert.equal(asked, 6);
  });

  it('a provider that has moved is followed', async () => {
    moved = true;
    keys = [{ ...rsa.publicKey.export({ format: 'jwk' }), kid: 'm' }];
    await clock.advance(10_000, async () => {});
    assert.equal(await said(token('RS256', 'm', rsa.privateKey)), `${settings.issuer}#jane`);
  });

  it('the log says when it does not answer as it should', async () => {
    keys = [];
    const { issuer } = settings;
    settings = { ...settings, issuer: 'https://elsewhere' };
    await clock.advance(10_000, async () => {});
    assert.match(await said(token('RS256', 'n', rsa.privateKey, { iss: issuer })), /could not be fetched/);
    assert.deepEqual(warnings, [`the keys of an OpenID Connect provider could not be fetched: ${issuer} says that it is "https://elsewhere"`]);
  });
});
