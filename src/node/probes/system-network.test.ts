import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import { test } from 'node:test';
import * as grpc from '@grpc/grpc-js';
import { SystemClock } from '../../base/system-clock.ts';
import { SystemProbeNetwork } from './system-network.ts';

const network = new SystemProbeNetwork(new SystemClock());
const HOST = '127.0.0.1';
/** For what is answered. */
const PATIENCE_MS = 60_000;
const headers = [['X-Own', 'yes']] as const;

async function serving(work: (port: number) => Promise<void>): Promise<void> {
  const server: Server = createServer((request, response) => {
    if (request.url === '/slow') return;
    if (request.url === '/here') response.writeHead(302, { location: '/ok?x=1' }).end();
    else if (request.url === '/away') response.writeHead(302, { location: 'http://example.com/' }).end();
    else if (request.url === '/round') response.writeHead(302, { location: '/round' }).end();
    else if (request.url === '/long') response.end('x'.repeat(100_000));
    else response.writeHead(request.url === '/bad' ? 500 : 200).end(`${request.url ?? ''} ${request.headers['x-own'] ?? ''} ${request.headers.host ?? ''}`);
  });
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  try {
    await work((server.address() as AddressInfo).port);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

test('HTTP: answers, redirects to the same host, errors in words', async () => {
  await serving(async (port) => {
    const get = (path: string, timeoutMs = PATIENCE_MS): ReturnType<typeof network.http> =>
      network.http({ scheme: 'http', host: HOST, port, path, headers, timeoutMs });
    assert.deepEqual(await get('/ok'), { status: 200, body: `/ok yes ${HOST}:${port}` });
    assert.deepEqual(await get('/bad'), { status: 500, body: `/bad yes ${HOST}:${port}` });
    assert.deepEqual(await get('/here'), { status: 200, body: `/ok?x=1 yes ${HOST}:${port}` });
    assert.deepEqual(await get('/away'), { status: 302, body: '' });
    assert.deepEqual(await get('/round'), { error: 'stopped after 10 redirects' });
    const long = await get('/long');
    assert.equal('body' in long ? long.body.length : 0, 10 * 1_024);
    assert.deepEqual(await get('/slow', 50), { error: 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)' });
    const named = await network.http({ scheme: 'http', host: HOST, port, path: '/', headers: [['Host', 'web.example']], timeoutMs: PATIENCE_MS });
    assert.deepEqual(named, { status: 200, body: '/  web.example' });
  });
});

test('HTTP and TCP: nobody listens', async () => {
  const free = createTcp();
  await new Promise<void>((resolve) => free.listen(0, HOST, resolve));
  const { port } = free.address() as AddressInfo;
  assert.equal(await network.tcp(HOST, port, PATIENCE_MS), undefined);
  await new Promise((resolve) => free.close(resolve));
  // Where nothing ever listens: the one that was free may be somebody's by now.
  assert.equal(await network.tcp(HOST, 1, PATIENCE_MS), `dial tcp ${HOST}:1: connect: connection refused`);
  assert.deepEqual(await network.http({ scheme: 'http', host: HOST, port: 1, path: '/', headers: [], timeoutMs: PATIENCE_MS }), {
    error: `dial tcp ${HOST}:1: connect: connection refused`,
  });
});

test('gRPC: the health protocol', async () => {
  const server = new grpc.Server();
  const bytes = {
    requestSerialize: (b: Buffer) => b,
    requestDeserialize: (b: Buffer) => b,
    responseSerialize: (b: Buffer) => b,
    responseDeserialize: (b: Buffer) => b,
  };
  server.addService(
    { Check: { path: '/grpc.health.v1.Health/Check', requestStream: false, responseStream: false, ...bytes } },
    {
      Check: (call: { readonly request: Buffer }, done: (error: null, value: Buffer) => void) =>
        done(null, Buffer.from([0x08, call.request.subarray(2).toString() === 'sick' ? 2 : 1])),
    },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync(`${HOST}:0`, grpc.ServerCredentials.createInsecure(), (error, bound) => (error === null ? resolve(bound) : reject(error))),
  );
  try {
    assert.deepEqual(await network.grpc(HOST, port, '', PATIENCE_MS), { status: 'SERVING' });
    assert.deepEqual(await network.grpc(HOST, port, 'sick', PATIENCE_MS), { status: 'NOT_SERVING' });
  } finally {
    server.forceShutdown();
  }
  const gone = await network.grpc(HOST, port, '', 300);
  assert.match('error' in gone ? gone.error : '', /^timeout: /);
});
