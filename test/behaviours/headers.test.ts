/** Requests with a great deal of head: a proxy that acts as a user of many groups, a token that names them, a selector of many values. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { Agent, request as httpsRequest } from 'node:https';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '../../src/machinery/object.ts';
import { type Front, openFront } from './front.ts';
import { statusOf } from './cluster.ts';

const WHO = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
const REVIEW = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' });
const GROUPS = Array.from({ length: 3000 }, (_, i) => `group-of-the-company-number-${i}`);
const HEADERS = { 'content-type': 'application/json', 'impersonate-user': 'ann', 'impersonate-group': GROUPS };

/** Bytes of UTF-8, as a header carries them. */
const utf8 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

describe('a long head', { timeout: 60_000 }, () => {
  let front: Front;
  before(async () => {
    front = await openFront();
  });
  after(() => front[Symbol.asyncDispose]());

  const groupsOf = (text: string): unknown => ((statusOf(JSON.parse(text) as JsonObject)['userInfo'] ?? {}) as JsonObject)['groups'];
  const read = async (body: AsyncIterable<Buffer>): Promise<string> => {
    let text = '';
    for await (const chunk of body) text += chunk.toString();
    return text;
  };
  const expected = [...GROUPS, 'system:authenticated'].toSorted();

  it('over HTTP/1.1 as upstream takes it: a megabyte, and none of it lost', async () => {
    const agent = new Agent({ ...front.administrator, ca: front.caPem });
    const request = httpsRequest({ host: '127.0.0.1', port: front.port, path: WHO, method: 'POST', headers: HEADERS, agent });
    request.end(REVIEW);
    const [response] = (await once(request, 'response')) as [AsyncIterable<Buffer> & { readonly statusCode: number }];
    assert.equal(response.statusCode, 201);
    assert.deepEqual((groupsOf(await read(response)) as string[]).toSorted(), expected);
  });

  it('over HTTP/2', async () => {
    const session = connect(`https://127.0.0.1:${front.port}`, {
      ca: front.caPem,
      cert: front.administrator.cert,
      key: front.administrator.key,
      maxSendHeaderBlockLength: 2 ** 20,
    });
    const stream = session.request({ ...HEADERS, ':method': 'POST', ':path': WHO });
    stream.end(REVIEW);
    const [head] = (await once(stream, 'response')) as [Record<string, unknown>];
    assert.equal(head[':status'], 201);
    assert.deepEqual((groupsOf(await read(stream)) as string[]).toSorted(), expected);
    session.close();
  });

  it('a name has commas and letters beyond ASCII in it, and each header is one name', async () => {
    const names = { 'impersonate-user': utf8('jürgen, of sales'), 'impersonate-group': [utf8('CN=größe, O=x'), 'b'], 'impersonate-extra-a': 'c, d' };
    const headers = { 'content-type': 'application/json', ...names };
    const user = { username: 'jürgen, of sales', groups: ['CN=größe, O=x', 'b', 'system:authenticated'], extra: { a: ['c, d'] } };
    const agent = new Agent({ ...front.administrator, ca: front.caPem });
    const request = httpsRequest({ host: '127.0.0.1', port: front.port, path: WHO, method: 'POST', headers, agent });
    // A text is sent with its head in one encoding.
    request.end(Buffer.from(REVIEW));
    const [response] = (await once(request, 'response')) as [AsyncIterable<Buffer>];
    assert.deepEqual(statusOf(JSON.parse(await read(response)) as JsonObject)['userInfo'], user);
    const session = connect(`https://127.0.0.1:${front.port}`, { ca: front.caPem, ...front.administrator });
    const stream = session.request({ ...headers, ':method': 'POST', ':path': WHO });
    stream.end(REVIEW);
    assert.deepEqual(statusOf(JSON.parse(await read(stream)) as JsonObject)['userInfo'], user);
    session.close();
  });

  it('a selector of many values', async () => {
    const values = Array.from({ length: 4000 }, (_, i) => `value-${i}`).join(',');
    const { code } = await front.say('GET', `/api/v1/pods?labelSelector=${encodeURIComponent(`app in (${values})`)}`);
    assert.equal(code, 200);
  });
});
