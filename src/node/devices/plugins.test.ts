import assert from 'node:assert/strict';
import { mkdtempSync, mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as grpc from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import { silentLog } from '../../base/log.ts';
import { SystemClock } from '../../base/system-clock.ts';
import { FakeHost } from '../../host/fake.ts';
import table from './gen/device-plugin.json' with { type: 'json' };
import { DevicePlugins } from './plugins.ts';

const root = protobuf.Root.fromJSON(table as unknown as protobuf.INamespace);
const encode =
  (type: string) =>
  (message: object): Buffer =>
    Buffer.from(root.lookupType(type).encode(root.lookupType(type).fromObject(message)).finish());
const decode =
  (type: string) =>
  (bytes: Buffer): unknown =>
    root.lookupType(type).toObject(root.lookupType(type).decode(bytes), { defaults: true, arrays: true });

type Watch = grpc.ServerWritableStream<unknown, object>;

/** A plugin with one resource; `watch` gives the stream on which it tells its devices. */
async function startPlugin(socket: string): Promise<{ readonly watch: Promise<Watch>; readonly stop: () => void }> {
  const server = new grpc.Server();
  const { promise, resolve } = Promise.withResolvers<Watch>();
  const method = (path: string, request: string, response: string, responseStream: boolean): grpc.MethodDefinition<object, object> => ({
    path: `/v1beta1.DevicePlugin/${path}`,
    requestStream: false,
    responseStream,
    requestSerialize: encode(request),
    requestDeserialize: decode(request) as (bytes: Buffer) => object,
    responseSerialize: encode(response),
    responseDeserialize: decode(response) as (bytes: Buffer) => object,
  });
  server.addService(
    {
      ListAndWatch: method('ListAndWatch', 'v1beta1.Empty', 'v1beta1.ListAndWatchResponse', true),
      Allocate: method('Allocate', 'v1beta1.AllocateRequest', 'v1beta1.AllocateResponse', false),
    },
    {
      ListAndWatch: (stream: Watch) => resolve(stream),
      Allocate: (
        call: { readonly request: { readonly container_requests: readonly { readonly devices_ids: readonly string[] }[] } },
        done: (error: null, value: object) => void,
      ) => {
        const ids = call.request.container_requests[0]?.devices_ids ?? [];
        done(null, {
          container_responses: [
            { envs: { DEVICES: ids.join(',') }, devices: ids.map((id) => ({ container_path: `/dev/${id}`, host_path: `/dev/host-${id}`, permissions: 'rw' })) },
          ],
        });
      },
    },
  );
  await new Promise<void>((done, fail) =>
    server.bindAsync(`unix://${socket}`, grpc.ServerCredentials.createInsecure(), (error) => (error === null ? done() : fail(error))),
  );
  return { watch: promise, stop: () => server.forceShutdown() };
}

function register(socket: string, request: object): Promise<string> {
  const client = new grpc.Client(`unix://${socket}`, grpc.credentials.createInsecure());
  return new Promise<string>((resolve) => {
    client.makeUnaryRequest('/v1beta1.Registration/Register', encode('v1beta1.RegisterRequest'), decode('v1beta1.Empty'), request, (error) =>
      resolve(error?.details ?? 'registered'),
    );
  }).finally(() => client.close());
}

test('a device plugin registers, tells its devices and says what a container needs', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'berth-dp-'));
  mkdirSync(join(directory, 'device-plugins'));
  const clock = new SystemClock();
  const plugins = await DevicePlugins.open({ rootDirectory: directory, host: new FakeHost({ clock }), clock, log: silentLog });
  const kubelet = join(directory, 'device-plugins', 'kubelet.sock');
  const plugin = await startPlugin(join(directory, 'device-plugins', 'gpu.sock'));
  const changes: (() => void)[] = [];
  const changed = (): Promise<void> => new Promise((resolve) => changes.push(resolve));
  plugins.onChange(() => changes.splice(0).forEach((tell) => tell()));
  try {
    assert.match(await register(kubelet, { version: 'v1alpha', endpoint: 'gpu.sock', resource_name: 'example.com/gpu' }), /not supported by kubelet/);
    assert.match(await register(kubelet, { version: 'v1beta1', endpoint: 'gpu.sock', resource_name: 'cpu' }), /is invalid/);
    assert.match(await register(kubelet, { version: 'v1beta1', endpoint: '../gpu.sock', resource_name: 'example.com/gpu' }), /is not the name of a socket/);
    assert.equal(await register(kubelet, { version: 'v1beta1', endpoint: 'gpu.sock', resource_name: 'example.com/gpu' }), 'registered');
    const watch = await plugin.watch;
    const told = changed();
    watch.write({
      devices: [
        { ID: 'a', health: 'Healthy' },
        { ID: 'b', health: 'Unhealthy' },
      ],
    });
    await told;
    assert.deepEqual([...plugins.devices()], [['example.com/gpu', ['a']]]);
    assert.deepEqual(await plugins.edits('example.com/gpu', ['a']), {
      env: { DEVICES: 'a' },
      mounts: [],
      devices: [{ hostPath: '/dev/host-a', containerPath: '/dev/a', permissions: 'rw' }],
    });
    const lost = changed();
    plugin.stop();
    await lost;
    assert.deepEqual([...plugins.devices()], [['example.com/gpu', []]]);
    await assert.rejects(plugins.edits('example.com/other', ['a']), /no device plugin is registered/);
  } finally {
    plugin.stop();
    await plugins[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  }
});
