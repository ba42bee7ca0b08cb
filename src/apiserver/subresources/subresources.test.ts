import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request as httpRequest, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { endpoints, nodes, pods, services } from '../../api/gen/resources.ts';
import { builtinKinds } from '../../api/registry.ts';
import { defined } from '../../base/assert.ts';
import { SeededRandom } from '../../base/random.ts';
import { StatusError } from '../../machinery/status-error.ts';
import { readerOf, type StoredObject, stored } from '../admission/testing.ts';
import type { Dial } from '../dial.ts';
import type { StreamSubresource, SubresourceCall } from '../stages.ts';
import { mayBeReached, parseProxyName } from './proxy-target.ts';
import { streamSubresources } from './standard.ts';

/** What the node or the pod is asked, and how it answers. */
type Backend = { readonly server: Server; readonly port: number; readonly seen: string[] };

async function backend(answer: RequestListener, onUpgrade?: (request: IncomingMessage, socket: Socket) => void): Promise<Backend> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    answer(request, response);
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket) => {
    seen.push(`${request.method} ${request.url}`);
    onUpgrade?.(request, socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port, seen };
}

const containers = [{ name: 'web', ports: [{ containerPort: 80, name: 'http' }] }];
const objects: readonly StoredObject[] = [
  stored(pods, 'web', { spec: { nodeName: 'n1', containers }, status: { podIPs: [{ ip: '10.0.0.5' }] } }, 'shop'),
  stored(pods, 'two', { spec: { nodeName: 'n1', containers: [{ name: 'a' }, { name: 'b' }], initContainers: [{ name: 'i' }] } }, 'shop'),
  stored(pods, 'waiting', { spec: { containers } }, 'shop'),
  stored(nodes, 'n1'),
  stored(services, 'svc', { spec: { ports: [{ name: 'http', port: 80 }] } }, 'shop'),
  stored(endpoints, 'svc', { subsets: [{ addresses: [{ ip: '10.0.0.5' }], ports: [{ name: 'http', port: 8080 }] }] }, 'shop'),
  stored(services, 'empty', { spec: { ports: [{ port: 80 }] } }, 'shop'),
];
const reader = readerOf(objects);

interface Front {
  readonly url: string;
  readonly port: number;
  /** `ip:port` of what was dialled. */
  readonly dialled: string[];
}

/** A server that hands every request to the stage, as the core does: `/POD/SUBRESOURCE…`. */
async function withFront(port: number | undefined, resource: string, run: (front: Front) => Promise<void>, mayCreate = true): Promise<void> {
  const dialled: string[] = [];
  const dial: Dial = (target) => {
    dialled.push(target.to === 'node' ? `node ${target.node.metadata.name}` : `${target.ip}:${target.port}`);
    return { scheme: 'http', host: '127.0.0.1', port: port ?? 1 };
  };
  const stages = streamSubresources(dial, () => ({ allowed: mayCreate, reason: '' }), new SeededRandom(1));
  const find = (request: IncomingMessage): { readonly stage: StreamSubresource; readonly call: SubresourceCall } => {
    const url = new URL(request.url ?? '', 'http://x');
    const [, name = '', subresource = ''] = url.pathname.split('/');
    const stage = defined(
      stages.find((each) => each.resource === resource && each.subresource === subresource),
      subresource,
    );
    const kind = defined(
      builtinKinds().find((each) => each.resource === resource),
      resource,
    );
    const call: SubresourceCall = {
      user: { name: 'ann', groups: [] },
      kind,
      namespace: resource === 'nodes' ? '' : 'shop',
      name: decodeURIComponent(name),
      subresource,
      method: request.method ?? 'GET',
      rest: url.pathname.slice(`/${name}/${subresource}`.length),
      query: [...url.searchParams],
      parent: reader.get('', resource, resource === 'nodes' ? '' : 'shop', decodeURIComponent(name)),
      reader,
      nowMs: 0,
      dryRun: false,
      signal: undefined,
      warn: () => {},
    };
    return { stage, call };
  };
  const refused = (thrown: unknown): { readonly code: number; readonly text: string } =>
    thrown instanceof StatusError ? { code: thrown.code, text: thrown.message } : { code: 599, text: String(thrown) };
  const server = createServer((request, response) => {
    const { stage, call } = find(request);
    stage.handle(call, { upgrade: false, request, response }).catch((thrown: unknown) => {
      const { code, text } = refused(thrown);
      response.writeHead(code).end(text);
    });
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const { stage, call } = find(request);
    stage.handle(call, { upgrade: true, request, socket, head }).catch((thrown: unknown) => {
      const { code, text } = refused(thrown);
      socket.end(`HTTP/1.1 ${code} x\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const own = (server.address() as AddressInfo).port;
  try {
    await run({ url: `http://127.0.0.1:${own}`, port: own, dialled });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function close({ server }: Backend): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}

async function get(
  url: string,
  init: { readonly method?: string; readonly body?: string; readonly headers?: Record<string, string> } = {},
): Promise<{ readonly code: number; readonly text: string; readonly headers: IncomingMessage['headers'] }> {
  const request = httpRequest(url, { method: init.method ?? 'GET', headers: init.headers ?? {} });
  request.end(init.body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response as AsyncIterable<Buffer>) text += chunk.toString();
  return { code: response.statusCode ?? 0, text, headers: response.headers };
}

describe('logs', () => {
  test('come from the node, with the wishes passed on', async () => {
    const node = await backend((_, response) => response.end('one\ntwo\n'));
    await withFront(node.port, 'pods', async ({ url, dialled }) => {
      const answer = await get(`${url}/web/log?tailLines=2&timestamps=true&follow=false`);
      assert.deepEqual([answer.code, answer.text, answer.headers['content-type']], [200, 'one\ntwo\n', 'text/plain']);
      assert.deepEqual([node.seen, dialled], [['GET /containerLogs/shop/web/web?timestamps=true&tailLines=2'], ['node n1']]);
    });
    await close(node);
  });

  const rows: readonly (readonly [string, number, string])[] = [
    ['/two/log', 400, 'a container name must be specified for pod two, choose one of: [a b] or one of the init containers: [i]'],
    ['/two/log?container=x', 400, 'container x is not valid for pod two'],
    ['/web/log?tailLines=-1', 422, 'PodLogOptions "web" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0'],
    [
      '/web/log?sinceSeconds=1&sinceTime=2030-01-01T00:00:00Z',
      422,
      'PodLogOptions "web" is invalid: []: Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified',
    ],
    ['/web/log?limitBytes=0', 422, 'PodLogOptions "web" is invalid: limitBytes: Invalid value: 0: must be greater than 0'],
    ['/waiting/log', 204, ''],
  ];
  for (const [path, code, text] of rows) {
    test(path, () => withFront(undefined, 'pods', async ({ url }) => assert.deepEqual({ ...(await get(url + path)), headers: 0 }, { code, text, headers: 0 })));
  }

  test('the node’s own refusal, and a node that is down', async () => {
    const node = await backend((_, response) => response.writeHead(400).end('container "web" in pod "web" is waiting to start: ContainerCreating'));
    await withFront(node.port, 'pods', async ({ url }) => {
      assert.deepEqual(
        { ...(await get(`${url}/web/log`)), headers: 0 },
        { code: 400, text: 'container "web" in pod "web" is waiting to start: ContainerCreating', headers: 0 },
      );
    });
    await close(node);
    await withFront(node.port, 'pods', async ({ url }) => {
      const { code, text } = await get(`${url}/web/log`);
      assert.deepEqual([code, text], [500, `error dialing backend: dial tcp 127.0.0.1:${node.port}: connect: connection refused`]);
    });
  });
});

test('logs over a WebSocket, in binary and in base64', async () => {
  const node = await backend((_, response) => response.end('one\ntwo\n'));
  await withFront(node.port, 'pods', async ({ port }) => {
    const rows = [
      ['binary.k8s.io', 'one\ntwo\n'],
      ['base64.binary.k8s.io', Buffer.from('one\ntwo\n').toString('base64')],
    ] as const;
    for (const [protocol, expected] of rows) {
      const client = new WebSocket(`ws://127.0.0.1:${port}/web/log`, protocol);
      let text = '';
      client.on('message', (data: Buffer) => (text += data.toString()));
      await once(client, 'close');
      assert.deepEqual([client.protocol, text], [protocol, expected]);
    }
  });
  await close(node);
});

describe('exec', () => {
  const upgradeRequest = (path: string, method = 'POST'): string =>
    `${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\nAuthorization: Bearer secret\r\n\r\n`;

  async function talk(port: number, request: string, until: string): Promise<string> {
    const socket = connect(port, '127.0.0.1');
    socket.write(request);
    let text = '';
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      text += chunk.toString();
      if (text.includes(until)) break;
    }
    return text;
  }

  test('hands the upgrade on without credentials and copies both ways', async () => {
    let headers: IncomingMessage['headers'] = {};
    const node = await backend(
      () => {},
      (request, socket) => {
        headers = request.headers;
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\nhello ',
        );
        socket.pipe(socket);
      },
    );
    await withFront(node.port, 'pods', async ({ port }) => {
      const text = await talk(port, `${upgradeRequest('/web/exec?command=echo&command=a%20b&stdout=true&stdin=1&tty=false')}and back`, 'and back');
      assert.match(text, /^HTTP\/1\.1 101 Switching Protocols\r\n(.*\r\n)*Upgrade: SPDY\/3\.1/);
      assert.ok(text.endsWith('hello and back'), text);
      assert.deepEqual(node.seen, ['POST /exec/shop/web/web?input=1&output=1&command=echo&command=a+b']);
      assert.equal(headers.authorization, undefined);
      assert.equal(headers['x-stream-protocol-version'], 'v4.channel.k8s.io');
    });
    await close(node);
  });

  test('a refusal of the node reaches the client', async () => {
    const node = await backend(
      (_, response) => response.writeHead(404).end('container not found ("web")'),
      (_, socket) => socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 27\r\n\r\ncontainer not found ("web")'),
    );
    await withFront(node.port, 'pods', async ({ port }) => {
      assert.match(
        await talk(port, upgradeRequest('/web/exec?command=x&stdout=1'), 'not found ('),
        /^HTTP\/1\.1 404 Not Found\r\n[^]*container not found \("web"\)$/,
      );
    });
    await close(node);
  });

  test('what is missing', async () => {
    await withFront(undefined, 'pods', async ({ url, port }) => {
      assert.equal((await get(`${url}/web/exec?command=x&stdout=1`, { method: 'POST' })).text, 'Upgrade request required');
      assert.equal((await get(`${url}/web/exec?stdout=1`)).text, 'you must specify at least 1 command for the container');
      assert.equal((await get(`${url}/web/exec?command=x`)).text, 'you must specify at least 1 of stdin, stdout, stderr');
      assert.match(await talk(port, upgradeRequest('/waiting/exec?command=x&stdout=1'), 'assigned'), /pod waiting does not have a host assigned/);
    });
  });

  test('a WebSocket’s GET needs the right to create', async () => {
    await withFront(
      undefined,
      'pods',
      async ({ port }) => {
        assert.match(
          await talk(port, upgradeRequest('/web/exec?command=x&stdout=1', 'GET'), 'namespace'),
          /^HTTP\/1\.1 403 [^]*cannot create resource "pods\/exec"/,
        );
      },
      false,
    );
  });
});

describe('a client that goes away', () => {
  const ask = (port: number, head: string): Socket => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(`${head}\r\nHost: x\r\n`);
    return socket;
  };
  const SPDY = 'Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n';
  const closing = (socket: Socket): Promise<void> =>
    new Promise((resolve) =>
      socket
        .on('error', () => {})
        .on('end', () => resolve())
        .on('close', () => resolve()),
    );
  for (const [when, head] of [
    ['before the backend has answered', 'GET /web/proxy/slow HTTP/1.1'],
    ['before the node has answered a question for a log', 'GET /web/log?follow=true HTTP/1.1'],
  ] as const) {
    test(when, async () => {
      const asked = Promise.withResolvers<Socket>();
      const node = await backend(({ socket }) => asked.resolve(socket));
      await withFront(node.port, 'pods', async ({ port }) => {
        const client = ask(port, head);
        client.write('\r\n');
        const behind = await asked.promise;
        behind.resume();
        const closed = closing(behind);
        client.destroy();
        await closed;
      });
      await close(node);
    });
  }

  test('while a backend goes on talking', async () => {
    const asked = Promise.withResolvers<Socket>();
    const node = await backend(
      () => {},
      (_, socket) => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n');
        asked.resolve(socket);
      },
    );
    await withFront(node.port, 'pods', async ({ port }) => {
      const client = ask(port, 'POST /web/exec?command=yes&stdout=1 HTTP/1.1');
      client.write(SPDY);
      const behind = await asked.promise;
      const closed = closing(behind);
      const talk = (): void => {
        while (!behind.destroyed && behind.write('y'.repeat(65536)));
        if (!behind.destroyed) behind.once('drain', talk);
      };
      talk();
      await once(client, 'data');
      client.destroy();
      await closed;
    });
    await close(node);
  });

  const answering = (socket: Socket): void => void socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n');

  for (const [how, leave] of [
    ['with a word', (client: Socket) => void client.end()],
    ['at once', (client: Socket) => void client.resetAndDestroy()],
  ] as const)
    test(`during an upgrade that the backend has not answered, ${how}`, async () => {
      const asked = Promise.withResolvers<Socket>();
      const node = await backend(
        () => {},
        (_, socket) => asked.resolve(socket),
      );
      await withFront(node.port, 'pods', async ({ port }) => {
        const client = ask(port, 'POST /web/exec?command=x&stdout=1 HTTP/1.1');
        client.write(`${SPDY}early`);
        const behind = await asked.promise;
        behind.resume();
        const closed = closing(behind);
        leave(client);
        await closed;
        behind.destroy();
      });
      await close(node);
    });

  test('what a client says before the backend has answered arrives, in order', async () => {
    const asked = Promise.withResolvers<Socket>();
    const node = await backend(
      () => {},
      (_, socket) => asked.resolve(socket),
    );
    const words = Array.from({ length: 60_000 }, (_, at) => `word ${at}\n`).join('');
    await withFront(node.port, 'pods', async ({ port }) => {
      const client = ask(port, 'POST /web/exec?command=x&stdin=1 HTTP/1.1');
      client.write(`${SPDY}${words.slice(0, 10)}`);
      const behind = await asked.promise;
      client.write(words.slice(10, 300_000));
      await new Promise((resolve) => setImmediate(resolve));
      answering(behind);
      await once(client, 'data');
      client.write(words.slice(300_000));
      let heard = '';
      for await (const chunk of behind as AsyncIterable<Buffer>) {
        heard += chunk.toString();
        if (heard.length >= words.length) break;
      }
      assert.ok(heard === words);
      client.destroy();
    });
    await close(node);
  });

  for (const [who, end] of [
    ['the client', (client: Socket, _: Socket) => void client.end('last')],
    ['the backend', (_: Socket, behind: Socket) => void behind.end('last')],
  ] as const)
    test(`an upgrade that ${who} has half closed is over for both, and what was said arrives`, async () => {
      const asked = Promise.withResolvers<Socket>();
      const node = await backend(
        () => {},
        (_, socket) => {
          answering(socket);
          asked.resolve(socket);
        },
      );
      await withFront(node.port, 'pods', async ({ port }) => {
        // Neither ends its own side because the other has.
        const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
        client.write(`POST /web/exec?command=x&stdout=1 HTTP/1.1\r\nHost: x\r\n${SPDY}`);
        const behind = await asked.promise;
        await once(client, 'data');
        const both = [behind, client];
        const heard = both.map(
          (socket) =>
            new Promise<string>((resolve) => {
              let text = '';
              socket.on('data', (chunk: Buffer) => {
                text += chunk.toString();
              });
              socket.on('end', () => resolve(text)).on('close', () => resolve(text));
            }),
        );
        const lost = both.map((socket) => new Promise<void>((resolve) => socket.on('error', () => resolve()).on('close', () => resolve())));
        end(client, behind);
        assert.ok((await Promise.race(heard)) === 'last');
        // A connection that is no more does not take a word.
        while (both.some(({ destroyed }) => !destroyed)) {
          for (const socket of both) if (socket.writable) socket.write('?');
          await new Promise((resolve) => setImmediate(resolve));
        }
        await Promise.all(lost);
      });
      await close(node);
    });

  test('a log is not kept open for what is no WebSocket', async () => {
    const asked = Promise.withResolvers<Socket>();
    const node = await backend((request, response) => {
      response.write('one\n');
      asked.resolve(request.socket);
    });
    await withFront(node.port, 'pods', async ({ port }) => {
      const client = ask(port, 'GET /web/log?follow=true HTTP/1.1');
      client.write('Connection: Upgrade\r\nUpgrade: something\r\n\r\n');
      client.resume();
      const behind = await asked.promise;
      behind.resume();
      await closing(behind);
    });
    await close(node);
  });
});

describe('proxies', () => {
  test('a bearer token goes to nobody, whatever header brought it', async () => {
    const pod = await backend((request, response) => response.end(JSON.stringify(request.headers)));
    await withFront(pod.port, 'pods', async ({ url }) => {
      const headers = { authorization: 'Bearer secret', 'sec-websocket-protocol': 'base64url.bearer.authorization.k8s.io.c2VjcmV0, v4.channel.k8s.io' };
      const seen = JSON.parse((await get(`${url}/web/proxy/`, { headers })).text) as Record<string, string>;
      assert.deepEqual([seen['authorization'], seen['sec-websocket-protocol']], [undefined, 'v4.channel.k8s.io']);
    });
    await close(pod);
  });

  test('any method, path, query and body', async () => {
    const pod = await backend((request, response) => request.pipe(response));
    await withFront(pod.port, 'pods', async ({ url, dialled }) => {
      const answer = await get(`${url}/web/proxy/a/b%2Fc?x=1&x=2`, { method: 'PUT', body: 'body', headers: { authorization: 'Bearer secret' } });
      assert.deepEqual([answer.code, answer.text, pod.seen, dialled], [200, 'body', ['PUT /a/b%2Fc?x=1&x=2'], ['10.0.0.5:80']]);
    });
    await close(pod);
  });

  test('without a slash at the end: one is added', async () => {
    await withFront(undefined, 'pods', async ({ url }) => {
      const answer = await get(`${url}/web/proxy?x=1`, { method: 'POST' });
      assert.deepEqual([answer.code, answer.headers.location], [301, '/web/proxy/?x=1']);
    });
  });

  test('a redirect to the backend stays below the proxy', async () => {
    const pod = await backend((request, response) =>
      response.writeHead(302, { location: request.url === '/far' ? 'https://elsewhere/x' : '/login?to=a' }).end(),
    );
    await withFront(pod.port, 'pods', async ({ url }) => {
      assert.equal((await get(`${url}/web/proxy/deep/page`)).headers.location, '/web/proxy/login?to=a');
      assert.equal((await get(`${url}/web/proxy/far`)).headers.location, 'https://elsewhere/x');
    });
    await close(pod);
  });

  test('a service by port name, by number, and without endpoints', async () => {
    const pod = await backend((_, response) => response.end('ok'));
    await withFront(pod.port, 'services', async ({ url, dialled }) => {
      for (const name of ['svc', 'svc:http', 'http:svc:80', 'svc:8080']) assert.equal((await get(`${url}/${name}/proxy/`)).text, 'ok', name);
      assert.deepEqual([...new Set(dialled)], ['10.0.0.5:8080']);
      assert.deepEqual({ ...(await get(`${url}/empty/proxy/`)), headers: 0 }, { code: 503, text: 'no endpoints available for service "empty"', headers: 0 });
      assert.deepEqual(
        { ...(await get(`${url}/svc:admin/proxy/`)), headers: 0 },
        { code: 503, text: 'no service port "admin" found for service "svc"', headers: 0 },
      );
    });
    await close(pod);
  });

  test('a backend that is down', () =>
    withFront(undefined, 'pods', async ({ url }) => {
      assert.deepEqual(
        { ...(await get(`${url}/web/proxy/`)), headers: 0 },
        { code: 503, text: 'error trying to reach service: dial tcp 127.0.0.1:1: connect: connection refused', headers: 0 },
      );
    }));

  test('addresses that nobody is led to', () => {
    for (const ip of ['10.0.0.5', '192.168.1.2', '8.8.8.8', 'fd00::5', '2001:db8::1', '::ffff:10.0.0.5']) assert.equal(mayBeReached(ip), true, ip);
    const wrong = [
      '',
      'localhost',
      '0.0.0.0',
      '127.0.0.1',
      '127.9.9.9',
      '169.254.169.254',
      '224.0.0.1',
      '::',
      '::1',
      '0:0:0:0:0:0:0:1',
      'fe80::1',
      'ff02::1',
      '::ffff:127.0.0.1',
      '::ffff:169.254.169.254',
    ];
    for (const ip of wrong) assert.equal(mayBeReached(ip), false, ip);
  });

  test('names', () => {
    assert.deepEqual(parseProxyName('web'), { scheme: 'http', name: 'web', port: '' });
    assert.deepEqual(parseProxyName('web:80'), { scheme: 'http', name: 'web', port: '80' });
    assert.deepEqual(parseProxyName('https:web:'), { scheme: 'https', name: 'web', port: '' });
    for (const wrong of ['', ':80', 'ftp:web:80', 'a:b:c:d']) assert.equal(parseProxyName(wrong), undefined);
  });
});
