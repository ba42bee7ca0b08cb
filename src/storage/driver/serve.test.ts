import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { SocketDriver } from '../../csi/client.ts';
import { type CreateVolume, type CsiDriver, CsiError, type NodePublish, type NodeStage } from '../../csi/driver.ts';
import { serveDriver } from './serve.ts';

/** Remembers what it was asked and answers something recognisable. */
class EchoDriver implements CsiDriver {
  readonly name = 'echo.example.com';
  readonly asked: unknown[] = [];

  async identity(): ReturnType<CsiDriver['identity']> {
    return { version: '1.2.3', capabilities: ['controller-service', 'accessibility-constraints', 'online-expansion'] };
  }
  async controllerCapabilities(): ReturnType<CsiDriver['controllerCapabilities']> {
    return ['create-delete-volume', 'clone-volume', 'get-capacity'];
  }
  async nodeCapabilities(): ReturnType<CsiDriver['nodeCapabilities']> {
    return ['stage-unstage-volume', 'get-volume-stats'];
  }
  async createVolume(request: CreateVolume): ReturnType<CsiDriver['createVolume']> {
    this.asked.push(request);
    if (request.name === 'full') throw new CsiError('resource-exhausted', 'the pool is full');
    return { volumeId: request.name, capacityBytes: request.requiredBytes, context: { made: 'here' }, topology: [{ 'topology.berth.dev/node': 'a' }] };
  }
  async deleteVolume(volumeId: string): Promise<void> {
    this.asked.push(volumeId);
  }
  async controllerPublish(): ReturnType<CsiDriver['controllerPublish']> {
    throw new CsiError('unimplemented', 'no');
  }
  async controllerUnpublish(): Promise<void> {
    throw new CsiError('unimplemented', 'no');
  }
  async controllerExpand(_id: string, requiredBytes: number): ReturnType<CsiDriver['controllerExpand']> {
    return { capacityBytes: requiredBytes, nodeExpansionRequired: true };
  }
  async createSnapshot(name: string, sourceVolumeId: string): ReturnType<CsiDriver['createSnapshot']> {
    return { snapshotId: name, sourceVolumeId, sizeBytes: 2 ** 40, createdAtMs: 1_700_000_000_250, ready: true };
  }
  async deleteSnapshot(): Promise<void> {}
  async capacity(): ReturnType<CsiDriver['capacity']> {
    return { availableBytes: 5 * 2 ** 40, maximumVolumeBytes: 2 ** 40 };
  }
  async nodeInfo(): ReturnType<CsiDriver['nodeInfo']> {
    return { nodeId: 'a', maxVolumes: 7, topology: { 'topology.berth.dev/node': 'a' } };
  }
  async nodeStage(request: NodeStage): Promise<void> {
    this.asked.push(request);
  }
  async nodeUnstage(): Promise<void> {}
  async nodePublish(request: NodePublish): Promise<void> {
    this.asked.push(request);
  }
  async nodeUnpublish(): Promise<void> {}
  async nodeExpand(request: Parameters<CsiDriver['nodeExpand']>[0]): ReturnType<CsiDriver['nodeExpand']> {
    return { capacityBytes: request.requiredBytes };
  }
  async nodeStats(): ReturnType<CsiDriver['nodeStats']> {
    return { totalBytes: 100, usedBytes: 40, availableBytes: 60, totalInodes: 10, usedInodes: 4, freeInodes: 6 };
  }
}

async function connect(t: TestContext): Promise<{ readonly echo: EchoDriver; readonly driver: SocketDriver }> {
  const directory = await mkdtemp(join(tmpdir(), 'berth-csi-'));
  const echo = new EchoDriver();
  const server = await serveDriver(echo, join(directory, 'csi.sock'));
  const driver = await SocketDriver.open(join(directory, 'csi.sock'), () => Date.now());
  t.after(async () => {
    driver[Symbol.dispose]();
    await server[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });
  return { echo, driver };
}

test('a driver behind a socket is the driver', async (t) => {
  const { echo, driver } = await connect(t);
  assert.equal(driver.name, 'echo.example.com');
  assert.deepEqual(await driver.identity(), await echo.identity());
  assert.deepEqual(await driver.controllerCapabilities(), await echo.controllerCapabilities());
  assert.deepEqual(await driver.nodeCapabilities(), await echo.nodeCapabilities());
  assert.deepEqual(await driver.nodeInfo(), await echo.nodeInfo());
  assert.deepEqual(await driver.capacity({}), await echo.capacity());
  assert.deepEqual(await driver.createSnapshot('s', 'v', {}), await echo.createSnapshot('s', 'v'));
  assert.deepEqual(await driver.nodeStats('v', '/p'), await echo.nodeStats());

  const request: CreateVolume = {
    name: 'v',
    requiredBytes: 3 * 2 ** 40,
    limitBytes: 4 * 2 ** 40,
    capabilities: [{ access: 'single-node-single-writer', as: { type: 'mount', fsType: 'xfs', mountFlags: ['noatime'] } }],
    parameters: { a: 'b' },
    source: { snapshotId: 's' },
    topology: { requisite: [{ zone: '1' }], preferred: [] },
    secrets: { key: 'value' },
  };
  assert.deepEqual(await driver.createVolume(request), {
    volumeId: 'v',
    capacityBytes: 3 * 2 ** 40,
    context: { made: 'here' },
    topology: [{ 'topology.berth.dev/node': 'a' }],
  });
  assert.deepEqual(echo.asked.pop(), request);

  const publish: NodePublish = {
    volumeId: 'v',
    stagingPath: '/s',
    targetPath: '/t',
    publishContext: { p: '1' },
    context: { c: '2' },
    capability: { access: 'single-node-writer', as: { type: 'block' } },
    readOnly: true,
    secrets: {},
  };
  await driver.nodePublish(publish);
  assert.deepEqual(echo.asked.pop(), publish);
});

test('errors keep their code and message; what is missing is refused', async (t) => {
  const { driver } = await connect(t);
  const capability = { access: 'single-node-writer', as: { type: 'block' } } as const;
  await assert.rejects(driver.createVolume({ name: 'full', requiredBytes: 1, capabilities: [capability], parameters: {} }), {
    code: 'resource-exhausted',
    message: 'the pool is full',
  });
  await assert.rejects(driver.deleteVolume(''), { code: 'invalid-argument', message: 'volume_id is missing' });
  await assert.rejects(driver.controllerUnpublish('v', 'n'), { code: 'unimplemented' });
});
