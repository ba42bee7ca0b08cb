import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Secret } from '../../api/gen/types/core.v1.ts';
import { registryAuth } from './pull-secrets.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const config = (auths: Readonly<Record<string, object>>): Secret => ({ data: { '.dockerconfigjson': base64(JSON.stringify({ auths })) } });
const login = (name: string): object => ({ auth: base64(`${name}:pass:word`) });

for (const { says, image, secrets, user } of [
  { says: 'by registry', image: 'reg.example.com/app:1', secrets: [config({ 'reg.example.com': login('a') })], user: 'a' },
  { says: 'written as an address', image: 'reg.example.com/app', secrets: [config({ 'https://reg.example.com/v2/': login('a') })], user: 'a' },
  {
    says: 'the longest path wins',
    image: 'reg.example.com/team/app',
    secrets: [config({ 'reg.example.com': login('a'), 'reg.example.com/team': login('b') })],
    user: 'b',
  },
  { says: 'not for another path', image: 'reg.example.com/teams/app', secrets: [config({ 'reg.example.com/team': login('b') })], user: undefined },
  { says: 'Docker Hub by its old name', image: 'busybox', secrets: [config({ 'https://index.docker.io/v1/': login('hub') })], user: 'hub' },
  { says: 'another registry', image: 'busybox', secrets: [config({ 'reg.example.com': login('a') })], user: undefined },
  {
    says: 'the old form, in plain fields',
    image: 'r:5000/x',
    secrets: [{ data: { '.dockercfg': base64(JSON.stringify({ 'r:5000': { username: 'u', password: 'pass:word' } })) } }],
    user: 'u',
  },
  {
    says: 'a secret that is no such thing',
    image: 'r:5000/x',
    secrets: [{ data: { '.dockerconfigjson': 'not base64 of JSON' } }, config({ 'r:5000': login('a') })],
    user: 'a',
  },
] satisfies readonly { readonly says: string; readonly image: string; readonly secrets: readonly Secret[]; readonly user: string | undefined }[]) {
  test(`credentials: ${says}`, () =>
    assert.deepEqual(registryAuth(image, secrets), user === undefined ? undefined : { username: user, password: 'pass:word' }));
}
