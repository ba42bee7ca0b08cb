import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { Duplex } from 'node:stream';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect } from 'node:tls';
import { WebSocket } from 'ws';
import { silentLog } from '../../base/log.ts';
import { SystemClock } from '../../base/system-clock.ts';
import { issueAuthority, issueCertificate, type KeyPair, newKeyPem } from '../../cluster/certificate-issue.ts';
import { CriError, type DuplexBytes, type Runtime, type StreamSession } from '../runtime/runtime.ts';
import { ByteQueue, collect } from '../streams/byte-queue.ts';
import { SpdySession } from '../streams/spdy-session.ts';
import { type NodeServer, startNodeServer } from './node-server.ts';
import type { PodOnNode } from './pod-lookup.ts';

const clock = new SystemClock();
const DAY_MS = 86_400_000;
const MEGABYTE = 1 << 20;
const directory = mkdtempSync(join(tmpdir(), 'berth-node-'));
const logPath = join(directory, 'main.log');
writeFileSync(logPath, '2026-01-02T03:04:05.5Z stdout F hello\n');

const instance = { id: 'c1', running: true, logPath };
const pod: PodOnNode = {
  namespace: 'default',
  name: 'web',
  uid: 'u1',
  sandboxId: 's1',
  hostNetwork: false,
  containers: [
    { name: 'main', tty: false, stdin: true, current: instance, previous: undefined, waitingReason: '' },
    { name: 'waits', tty: false, stdin: false, current: undefined, previous: undefined, waitingReason: 'ContainerCreating' },
  ],
};

/** Streams of commands that are played here: `cat` sends its input back, `exit N` ends with N, `size` tells the terminal's size. */
function play(command: readonly string[]): StreamSession {
  const stdin = new ByteQueue();
  const stdout = new ByteQueue();
  const stderr = new ByteQueue();
  const { promise: done, resolve, reject } = Promise.withResolvers<number>();
  const end = (code: number): void => {
    stdout.end();
    stderr.end();
    resolve(code);
  };
  switch (command[0]) {
    case 'cat':
      void (async () => {
        for await (const bytes of stdin) stdout.push(bytes);
        end(0);
      })();
      break;
    case 'exit':
      stderr.push(Buffer.from('bye\n'));
      end(Number(command[1]));
      break;
    case 'size':
      break;
    default:
      stdout.end();
      stderr.end();
      reject(new CriError('internal', `no ${command[0]}`));
  }
  done.catch(() => {});
  return {
    stdin: { write: (bytes) => Promise.resolve(stdin.push(bytes)), end: () => stdin.end() },
    stdout,
    stderr,
    resize: (width, height) => {
      stdout.push(Buffer.from(`${width}x${height}`));
      end(0);
    },
    done,
    [Symbol.dispose]: () => stdin.discard(),
  };
}

/** Port 80 sends back what it gets, in capitals; others refuse. */
function dialPort(port: number): Promise<DuplexBytes> {
  if (port !== 80) return Promise.reject(new CriError('unavailable', `dial tcp4 127.0.0.1:${port}: connect: connection refused`));
  const back = new ByteQueue();
  return Promise.resolve({
    readable: back,
    write: (bytes) => Promise.resolve(back.push(Buffer.from(Buffer.from(bytes).toString('utf8').toUpperCase()))),
    end: () => back.end(),
    [Symbol.dispose]: () => back.discard(),
  });
}

const runtime = {
  events: () => ({ [Symbol.dispose]: () => {} }),
  container: () => Promise.resolve({ state: 'exited' }),
  stats: () => Promise.resolve({ cpuUsageNanos: 2e9, memoryWorkingSetBytes: 4096, writableLayerBytes: 10 }),
  streams: {
    exec: ({ command }: { readonly command: readonly string[] }) => Promise.resolve(play(command)),
    attach: () => Promise.resolve(play(['cat'])),
    portForward: (_: string, port: number) => dialPort(port),
  },
} as unknown as Runtime;

let server: NodeServer;
let ca: KeyPair;
const clients = new Map<string, KeyPair | undefined>();

before(async () => {
  const now = clock.now();
  ca = await issueAuthority('cluster', newKeyPem(), now, DAY_MS);
  const other = await issueAuthority('other', newKeyPem(), now, DAY_MS);
  const client = (by: KeyPair, commonName: string, organizations: string[]): Promise<KeyPair> =>
    issueCertificate(by, { commonName, organizations, dnsNames: [], ipAddresses: [], usages: ['client'] }, now, DAY_MS);
  clients.set('the API server', await client(ca, 'kube-apiserver-kubelet-client', ['system:masters']));
  clients.set('a stranger', await client(other, 'kube-apiserver-kubelet-client', ['system:masters']));
  clients.set('a user', await client(ca, 'jane', ['dev']));
  clients.set('nobody', undefined);
  const tls = await issueCertificate(
    ca,
    { commonName: 'node', organizations: [], dnsNames: ['node'], ipAddresses: ['127.0.0.1'], usages: ['server'] },
    now,
    DAY_MS,
  );
  server = await startNodeServer({
    nodeName: 'node',
    address: '127.0.0.1',
    port: 0,
    tls,
    clientCaPem: ca.certPem,
    pods: {
      pod: (namespace, name) => (namespace === 'default' && name === 'web' ? pod : undefined),
      pods: () => [{ metadata: { name: 'web' } }],
      running: () => [pod],
    },
    runtime,
    authorize: ({ user, verb, subresources }) =>
      Promise.resolve(user.groups.includes('system:masters') || (verb === 'get' && subresources.includes('healthz'))),
    authenticateToken: (token) => Promise.resolve(token === 'good' ? { name: 'bearer', groups: ['system:masters'] } : undefined),
    clock,
    log: silentLog,
  });
});

after(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

const tlsOf = (who: string) => {
  const pair = clients.get(who);
  return { host: '127.0.0.1', port: server.port, ca: ca.certPem, ...(pair === undefined ? {} : { cert: pair.certPem, key: pair.keyPem }) };
};

function call(
  who: string,
  path: string,
  { method = 'GET', headers = {} }: { readonly method?: string; readonly headers?: IncomingHttpHeaders } = {},
): Promise<{ readonly code: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    request({ ...tlsOf(who), path, method, headers, agent: false }, (response) => {
      collect(response, MEGABYTE).then((body) => resolve({ code: response.statusCode ?? 0, body: body?.toString('utf8') ?? '' }), reject);
    })
      .on('error', reject)
      .end();
  });
}

for (const [who, path, code, says] of [
  ['nobody', '/healthz', 401, /Unauthorized/],
  ['a stranger', '/healthz', 401, /Unauthorized/],
  ['a user', '/healthz', 200, /^ok$/],
  ['a user', '/pods', 403, /Forbidden \(user=jane, verb=get, resource=nodes, subresource\(s\)=\[pods proxy\]\)/],
  ['a user', '/containerLogs/default/web/main', 403, /Forbidden/],
  ['the API server', '/pods', 200, /"kind":"PodList".*"name":"web"/],
  ['the API server', '/containerLogs/default/web/main', 200, /^hello\n$/],
  ['the API server', '/containerLogs/default/web/main?follow=true', 200, /^hello\n$/],
  ['the API server', '/containerLogs/default/web/main?timestamps=true', 200, /^2026-01-02T03:04:05.5Z hello\n$/],
  ['the API server', '/containerLogs/default/web/main?tailLines=-1', 400, /tailLines/],
  ['the API server', '/containerLogs/default/web/main?previous=true', 400, /previous terminated container "main" in pod "web" not found/],
  ['the API server', '/containerLogs/default/web/waits', 400, /container "waits" in pod "web" is waiting to start: ContainerCreating/],
  ['the API server', '/containerLogs/default/web/none', 404, /container "none" not found in pod "web"/],
  ['the API server', '/containerLogs/default/gone/main', 404, /pod "gone" not found/],
  ['the API server', '/containerLogs/default/web/%zz', 400, /malformed path/],
  ['the API server', '/stats/summary', 200, /"podRef":\{"name":"web"/],
  ['the API server', '/metrics', 200, /kubelet_running_pods 1\n/],
  ['the API server', '/metrics/resource', 200, /container_memory_working_set_bytes\{container="main",namespace="default",pod="web"\} 4096 /],
  ['the API server', '/exec/default/web/main?command=cat&output=1', 400, /Upgrade request required/],
  ['the API server', `/exec/default/web/main?output=1&command=${'x'.repeat(100_000)}`, 400, /Upgrade request required/],
  ['the API server', '/nothing', 404, /404 page not found/],
] as const) {
  test(`${who} asks for ${path.slice(0, 100)}: ${code}`, async () => {
    const answer = await call(who, path);
    assert.equal(answer.code, code, answer.body);
    assert.match(answer.body, says);
  });
}

test('a bearer token is asked about, a wrong one is nobody', async () => {
  assert.equal((await call('nobody', '/pods', { headers: { authorization: 'Bearer good' } })).code, 200);
  assert.equal((await call('nobody', '/pods', { headers: { authorization: 'Bearer bad' } })).code, 401);
});

// ------------------------------------------------------------------------------------------------ upgrades

/** Upgrades to SPDY; a refusal gives the text. */
function spdy(path: string, protocol: string, who = 'the API server'): Promise<SpdySession | string> {
  return new Promise((resolve, reject) => {
    const socket = connect(tlsOf(who), () =>
      socket.write(`POST ${path} HTTP/1.1\r\nHost: node\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}\r\n\r\n`),
    );
    let head = Buffer.alloc(0);
    const read = (bytes: Buffer): void => {
      head = Buffer.concat([head, bytes]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      socket.off('data', read);
      if (head.toString('latin1', 0, 12) === 'HTTP/1.1 101') resolve(new SpdySession({ role: 'client', wire: socket, head: head.subarray(end + 4), clock }));
      else {
        socket.destroy();
        resolve(head.toString('utf8').split('\r\n\r\n')[1] ?? '');
      }
    };
    socket.on('data', read);
    socket.once('error', reject);
  });
}

async function text(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  return (await collect(bytes, MEGABYTE))?.toString('utf8') ?? '';
}

test('over SPDY: an input that ends, an exit code, a failure', async () => {
  for (const { query, input, stdout, stderr, status } of [
    { query: 'command=cat', input: 'x\n', stdout: 'x\n', stderr: '', status: /^\{"kind":"Status".*"status":"Success"\}$/ },
    {
      query: 'command=exit&command=7',
      input: '',
      stdout: '',
      stderr: 'bye\n',
      status: /"reason":"NonZeroExitCode".*"causes":\[\{"reason":"ExitCode","message":"7"\}\]/,
    },
    { query: 'command=boom', input: '', stdout: '', stderr: '', status: /"status":"Failure".*"message":"no boom"/ },
  ]) {
    const session = await spdy(`/exec/default/web/main?${query}&input=1&output=1&error=1`, 'v4.channel.k8s.io');
    assert.ok(session instanceof SpdySession);
    const [error, stdin, out, err] = await Promise.all(['error', 'stdin', 'stdout', 'stderr'].map((type) => session.open(new Map([['streamtype', type]]))));
    assert.ok(error && stdin && out && err);
    const all = Promise.all([text(out.read), text(err.read), text(error.read)]);
    if (input !== '') await stdin.write(Buffer.from(input));
    await stdin.end();
    const [gotOut, gotErr, gotStatus] = await all;
    assert.deepEqual([gotOut, gotErr], [stdout, stderr]);
    assert.match(gotStatus, status);
    session[Symbol.dispose]();
  }
});

for (const [path, protocol, says] of [
  ['/exec/default/web/none?command=cat&output=1', 'v4.channel.k8s.io', /^container not found \("none"\)$/],
  ['/exec/default/gone/main?command=cat&output=1', 'v4.channel.k8s.io', /^pod does not exist$/],
  ['/exec/default/web/main?output=1', 'v4.channel.k8s.io', /must specify a command/],
  ['/exec/default/web/main?command=cat', 'v4.channel.k8s.io', /at least 1 of stdin, stdout, stderr/],
  ['/exec/default/web/main?command=cat&output=1', 'v9.channel.k8s.io', /unable to negotiate protocol/],
] as const) {
  test(`an upgrade that is refused: ${path} ${protocol}`, async () => {
    const refused = await spdy(path, protocol);
    assert.ok(typeof refused === 'string');
    assert.match(refused, says);
  });
}

test('nobody gets no stream', async () => {
  assert.match(String(await spdy('/exec/default/web/main?command=cat&output=1', 'v4.channel.k8s.io', 'nobody')), /Unauthorized/);
});

/** All messages by channel, until the server closes. */
function websocket(
  path: string,
  protocols: readonly string[],
  send: (socket: WebSocket) => void,
): Promise<{ readonly protocol: string; readonly channels: Readonly<Record<number, string>> }> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`wss://127.0.0.1:${server.port}${path}`, [...protocols], tlsOf('the API server'));
    const channels: Record<number, string> = {};
    socket.on('open', () => send(socket));
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      const channel = isBinary ? (data[0] ?? -1) : Number(data.toString('latin1', 0, 1));
      const body = isBinary ? data.subarray(1) : Buffer.from(data.toString('latin1', 1), 'base64');
      channels[channel] = (channels[channel] ?? '') + body.toString('latin1');
    });
    socket.on('close', () => resolve({ protocol: socket.protocol, channels }));
    socket.on('error', reject);
  });
}

const frame = (channel: number, body: string): Buffer => Buffer.concat([Buffer.from([channel]), Buffer.from(body, 'latin1')]);

test('over WebSocket v5: an input that ends', async () => {
  const { protocol, channels } = await websocket(
    '/exec/default/web/main?command=cat&stdin=true&stdout=true',
    ['v5.channel.k8s.io', 'v4.channel.k8s.io'],
    (socket) => {
      socket.send(frame(0, 'hello'));
      socket.send(Buffer.from([255, 0]));
    },
  );
  assert.deepEqual([protocol, channels[1]], ['v5.channel.k8s.io', 'hello']);
  assert.match(channels[3] ?? '', /"status":"Success"/);
});

test('over WebSocket v4 and its base64 form: exit code and error output', async () => {
  for (const protocol of ['v4.channel.k8s.io', 'v4.base64.channel.k8s.io']) {
    const { channels } = await websocket('/exec/default/web/main?command=exit&command=3&stdout=true&stderr=true', [protocol], () => {});
    assert.equal(channels[2], 'bye\n');
    assert.match(channels[3] ?? '', /"ExitCode","message":"3"/);
  }
});

test('over WebSocket: the size of a terminal', async () => {
  const { channels } = await websocket('/exec/default/web/main?command=size&stdout=true&tty=true', ['v5.channel.k8s.io'], (socket) => {
    socket.send(frame(4, 'not a size {"Width":0,"Height":1}'));
    socket.send(frame(4, '{"Width":120,'));
    socket.send(frame(4, '"Height":40}'));
  });
  assert.equal(channels[1], '120x40');
});

test('a WebSocket protocol that is not known is refused before the upgrade', async () => {
  await assert.rejects(
    websocket('/exec/default/web/main?command=cat&stdout=true', ['v9.channel.k8s.io'], () => {}),
    /Unexpected server response: 400/,
  );
});

async function forward(session: SpdySession, port: number, send: string): Promise<readonly [data: string, error: string]> {
  const headers = (streamtype: string): Map<string, string> =>
    new Map([
      ['streamtype', streamtype],
      ['port', String(port)],
      ['requestid', `${port}`],
    ]);
  const error = await session.open(headers('error'));
  await error.end();
  const data = await session.open(headers('data'));
  const all = Promise.all([text(data.read), text(error.read)]);
  await data.write(Buffer.from(send)).catch(() => {});
  await data.end();
  return all;
}

/** A WebSocket whose messages are a byte stream. By hand, since the name of the protocol is one that no library lets through. */
function openTunnel(path: string, protocol: string): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect(tlsOf('the API server'), () =>
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: node\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
          `Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: ${protocol}\r\n\r\n`,
      ),
    );
    const wire = new Duplex({
      read: () => {},
      write: (bytes: Buffer, _, done) => {
        // Final, binary, masked with zeros, length in 16 bits: RFC 6455 section 5.2.
        const head = Buffer.from([0x82, 0xfe, bytes.length >> 8, bytes.length & 0xff, 0, 0, 0, 0]);
        socket.write(Buffer.concat([head, bytes]), done);
      },
      final: (done) => {
        socket.end();
        done();
      },
    });
    let input = Buffer.alloc(0);
    let open = false;
    socket.on('data', (bytes: Buffer) => {
      input = Buffer.concat([input, bytes]);
      const end = input.indexOf('\r\n\r\n');
      if (!open && end >= 0) {
        const head = input.toString('latin1', 0, end);
        if (!head.startsWith('HTTP/1.1 101') || !head.includes(`Sec-WebSocket-Protocol: ${protocol}`)) return reject(new Error(head));
        open = true;
        input = input.subarray(end + 4);
        resolve(wire);
      }
      while (open && input.length >= 2) {
        const short = (input[1] ?? 0) & 0x7f;
        const start = short === 126 ? 4 : 2;
        if (input.length < start || input.length < start + (short === 126 ? input.readUInt16BE(2) : short)) return;
        const size = short === 126 ? input.readUInt16BE(2) : short;
        if (((input[0] ?? 0) & 0x0f) === 2) wire.push(input.subarray(start, start + size));
        input = input.subarray(start + size);
      }
    });
    socket.on('close', () => wire.push(null));
    socket.on('error', reject);
  });
}

test('port-forward over SPDY and through a WebSocket tunnel', async () => {
  const plain = await spdy('/portForward/default/web', 'portforward.k8s.io');
  assert.ok(plain instanceof SpdySession);
  const tunnel = new SpdySession({ role: 'client', wire: await openTunnel('/portForward/default/web', 'SPDY/3.1+portforward.k8s.io'), clock });
  for (const session of [plain, tunnel]) {
    assert.deepEqual(await forward(session, 80, 'hello'), ['HELLO', '']);
    assert.deepEqual(await forward(session, 81, ''), ['', 'dial tcp4 127.0.0.1:81: connect: connection refused']);
    session[Symbol.dispose]();
    await session.closed;
  }
});

test('port-forward over WebSocket channels', async () => {
  const { channels } = await websocket('/portForward/default/web?ports=80&ports=81', ['v4.channel.k8s.io'], (socket) => {
    socket.send(frame(0, 'hello'));
    socket.on('message', (data: Buffer) => {
      if (data.subarray(1).toString() === 'HELLO') socket.close();
    });
  });
  // Each channel begins with its port, little-endian.
  assert.equal(channels[0], 'P\0HELLO');
  assert.match(channels[3] ?? '', /^Q\0dial tcp4 127.0.0.1:81: connect: connection refused$/);
});
