import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { VirtualClock } from '../../base/virtual-clock.ts';
import type { Status } from '../../machinery/status-error.ts';
import type { CommandWish } from './command-client.ts';
import { WebSocketCommand } from './websocket-command.ts';

const ALL: CommandWish = { stdin: true, stdout: true, stderr: true, tty: false };
const SUCCESS: Status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' };
const FAILURE: Status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'exit 7' };

/** Both ends of one connection over loopback. */
class Pair implements AsyncDisposable {
  readonly #server: WebSocketServer;
  readonly client: WebSocket;
  readonly command: WebSocketCommand;
  readonly clock: VirtualClock;
  /** Everything that the client has received, binary and text alike, byte for character. */
  readonly received: string[] = [];

  private constructor(server: WebSocketServer, client: WebSocket, command: WebSocketCommand, clock: VirtualClock) {
    this.#server = server;
    this.client = client;
    this.command = command;
    this.clock = clock;
    client.on('message', (data: Buffer, isBinary: boolean) => this.received.push(`${isBinary ? '' : 'text '}${data.toString('latin1')}`));
  }

  static async open(protocol: string, wish: CommandWish = ALL, { autoPong = true } = {}): Promise<Pair> {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    const clock = new VirtualClock();
    const accepted = new Promise<WebSocketCommand>((resolve) => server.once('connection', (socket) => resolve(new WebSocketCommand(socket, wish, clock))));
    const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, [protocol], { autoPong });
    const pair = new Pair(server, client, await accepted, clock);
    if (client.readyState !== client.OPEN) await once(client, 'open');
    return pair;
  }

  /** Whatever the server had sent before has arrived afterwards. */
  async settled(): Promise<void> {
    const answered = once(this.client, 'pong');
    this.client.ping();
    await answered;
  }

  say(channel: number, text: string): void {
    this.client.send(Buffer.concat([Buffer.from([channel]), Buffer.from(text, 'latin1')]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.terminate();
    await this.command.closed;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    await promise;
  }
}

async function textOf(bytes: AsyncIterable<Uint8Array> | undefined): Promise<string> {
  assert.ok(bytes !== undefined);
  let text = '';
  for await (const part of bytes) text += Buffer.from(part).toString('latin1');
  return text;
}

for (const protocol of ['v5.channel.k8s.io', 'v4.channel.k8s.io', 'v4.base64.channel.k8s.io', 'channel.k8s.io', 'base64.channel.k8s.io']) {
  test(`${protocol}: nothing arrives before the command speaks`, async () => {
    await using pair = await Pair.open(protocol);
    await pair.settled();
    await pair.settled();
    assert.deepEqual(pair.received, []);
  });
}

test('what is written waits until the client has answered: before that it may have no streams', async () => {
  await using pair = await Pair.open('v5.channel.k8s.io', ALL, { autoPong: false });
  const written = pair.command.stdout?.write(Buffer.from('early'));
  await pair.settled();
  assert.deepEqual(pair.received, []);
  pair.client.pong();
  await written;
  await pair.settled();
  assert.deepEqual(pair.received, ['\x01early']);
});

test('a client that answers no ping gets its output after a second', async () => {
  await using pair = await Pair.open('v4.channel.k8s.io', ALL, { autoPong: false });
  const written = pair.command.stdout?.write(Buffer.from('late'));
  assert.equal(pair.clock.nextInMs(), 1_000);
  pair.clock.step();
  await written;
  await pair.settled();
  assert.deepEqual(pair.received, ['\x01late']);
});

test('a client that goes away before it was ready fails the write', async () => {
  await using pair = await Pair.open('v4.channel.k8s.io', ALL, { autoPong: false });
  const written = pair.command.stdout?.write(Buffer.from('lost'));
  pair.client.terminate();
  await assert.rejects(async () => written, /not open/);
});

for (const [protocol, output, failed, succeeded] of [
  ['v5.channel.k8s.io', ['\x01out', '\x02err'], [`\x03${JSON.stringify(FAILURE)}`], [`\x03${JSON.stringify(SUCCESS)}`]],
  ['v4.channel.k8s.io', ['\x01out', '\x02err'], [`\x03${JSON.stringify(FAILURE)}`], [`\x03${JSON.stringify(SUCCESS)}`]],
  [
    'v4.base64.channel.k8s.io',
    ['text 1b3V0', 'text 2ZXJy'],
    [`text 3${Buffer.from(JSON.stringify(FAILURE)).toString('base64')}`],
    [`text 3${Buffer.from(JSON.stringify(SUCCESS)).toString('base64')}`],
  ],
  // The first form has no Status: words when it failed, nothing when not.
  ['channel.k8s.io', ['\x01out', '\x02err'], ['\x03exit 7'], []],
  ['base64.channel.k8s.io', ['text 1b3V0', 'text 2ZXJy'], [`text 3${Buffer.from('exit 7').toString('base64')}`], []],
] as const) {
  for (const [status, told] of [
    [FAILURE, failed],
    [SUCCESS, succeeded],
  ] as const) {
    test(`${protocol}: output, errors, the end (${status.status}), then the connection is closed`, async () => {
      await using pair = await Pair.open(protocol);
      const closed = once(pair.client, 'close');
      await pair.command.stdout?.write(Buffer.from('out'));
      await pair.command.stderr?.write(Buffer.from('err'));
      await pair.command.finish(status);
      assert.equal((await closed)[0], 1000);
      assert.deepEqual(pair.received, [...output, ...told]);
    });
  }
}

test('a terminal has no error channel, and its size is told', async () => {
  await using pair = await Pair.open('v5.channel.k8s.io', { ...ALL, tty: true });
  assert.equal(pair.command.stderr, undefined);
  const size = new Promise<readonly [number, number]>((resolve) => pair.command.onResize((width, height) => resolve([width, height])));
  pair.say(4, '{"Width":132,"Height":43}');
  assert.deepEqual(await size, [132, 43]);
});

test('v5: the input is ended by its close message, and the output goes on', async () => {
  await using pair = await Pair.open('v5.channel.k8s.io');
  pair.say(0, 'one ');
  pair.say(0, 'two');
  // Of another channel: says nothing about the input.
  pair.say(255, '\x01');
  pair.say(0, ' three');
  pair.say(255, '\x00');
  assert.equal(await textOf(pair.command.stdin), 'one two three');
  await pair.command.stdout?.write(Buffer.from('after'));
  await pair.settled();
  assert.deepEqual(pair.received, ['\x01after']);
});

test('v4: only the end of the connection ends the input; base64 is decoded; what is no message is skipped', async () => {
  await using pair = await Pair.open('v4.base64.channel.k8s.io');
  pair.client.send('');
  pair.client.send('x');
  pair.client.send(`0${Buffer.from('bytes').toString('base64')}`);
  pair.client.send(`255${Buffer.from([0]).toString('base64')}`);
  pair.client.close();
  assert.equal(await textOf(pair.command.stdin), 'bytes');
});
