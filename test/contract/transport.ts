import assert from 'node:assert/strict';
import { it } from 'node:test';
import { configMaps, pods } from '../../src/api/gen/resources.ts';
import type { ConfigMap } from '../../src/api/gen/types/core.v1.ts';
import type { Client } from '../../src/client/client.ts';
import type { WatchEvent, WatchHandle } from '../../src/machinery/exchange.ts';
import type { Stored } from '../../src/machinery/object.ts';
import { StatusError } from '../../src/machinery/status-error.ts';

/** What every way to an API server promises a component (law 1): no component can tell which one it has. */
export function transportPromises(name: string, connect: () => Promise<Client>): void {
  const map = (suffix: string, data: Readonly<Record<string, string>> = { a: '1' }): ConfigMap => ({
    metadata: { name: `${name}-${suffix}`, namespace: 'default' },
    data,
  });

  const refusal = async (work: Promise<unknown>): Promise<readonly [reason: string, code: number, message: string]> => {
    try {
      await work;
    } catch (thrown) {
      assert.ok(thrown instanceof StatusError, String(thrown));
      return [thrown.reason, thrown.code, thrown.message];
    }
    return assert.fail('nothing was refused');
  };

  it('what is created is frozen, named, versioned, and read back the same', async () => {
    const client = await connect();
    const made = await client.create(configMaps, map('made'));
    assert.ok(made.metadata.uid !== '' && made.metadata.resourceVersion !== '');
    assert.deepEqual([made.kind, made.apiVersion], ['ConfigMap', 'v1']);
    assert.throws(() => Object.assign(made.data ?? {}, { a: '2' }), TypeError);
    assert.deepEqual(await client.get(configMaps, `${name}-made`, 'default'), made);
  });

  it('undefined, null and empty maps are not stored; what is handed over is not kept', async () => {
    const client = await connect();
    const given = { metadata: { name: `${name}-sparse`, namespace: 'default', labels: undefined, annotations: {} }, data: { a: '1' }, immutable: undefined };
    const made = await client.create(configMaps, given as unknown as ConfigMap);
    given.data.a = 'changed';
    assert.equal((await client.get(configMaps, `${name}-sparse`, 'default')).data?.a, '1');
    for (const key of ['labels', 'annotations']) assert.equal(Object.hasOwn(made.metadata, key), false, key);
    assert.equal(Object.hasOwn(made, 'immutable'), false);
  });

  it('quantities are written as Kubernetes writes them', async () => {
    const client = await connect();
    const pod = await client.create(pods, {
      metadata: { name: `${name}-pod`, namespace: 'default' },
      spec: { containers: [{ name: 'c', image: 'x', resources: { requests: { memory: '1024Mi', cpu: '0.5' } } }] },
    });
    assert.deepEqual(pod.spec?.containers[0]?.resources?.requests, { cpu: '500m', memory: '1Gi' });
  });

  it('refusals are StatusErrors, by reason', async () => {
    const client = await connect();
    await client.create(configMaps, map('refused'));
    assert.deepEqual((await refusal(client.create(configMaps, map('refused')))).slice(0, 2), ['AlreadyExists', 409]);
    assert.deepEqual(await refusal(client.get(configMaps, 'nobody', 'default')), ['NotFound', 404, 'configmaps "nobody" not found']);
    assert.equal((await refusal(client.create(configMaps, { metadata: { name: 'Bad_Name', namespace: 'default' } })))[0], 'Invalid');
    const stale = await client.get(configMaps, `${name}-refused`, 'default');
    await client.update(configMaps, { ...stale, data: { a: '2' } });
    assert.equal((await refusal(client.update(configMaps, { ...stale, data: { a: '3' } })))[0], 'Conflict');
  });

  it('the three patches and apply', async () => {
    const client = await connect();
    await client.create(configMaps, map('patched'));
    const patch = async (body: Parameters<Client['patch']>[2]): Promise<ConfigMap['data']> =>
      (await client.patch(configMaps, `${name}-patched`, body, { namespace: 'default', fieldManager: 'test' })).data;
    assert.deepEqual(await patch({ type: 'merge', body: { data: { b: '2' } } }), { a: '1', b: '2' });
    assert.deepEqual(await patch({ type: 'strategic', body: { data: { b: null } } }), { a: '1' });
    assert.deepEqual(await patch({ type: 'json', body: [{ op: 'add', path: '/data/c', value: '3' }] }), { a: '1', c: '3' });
    const applied = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `${name}-patched`, namespace: 'default' }, data: { d: '4' } };
    assert.deepEqual(await patch({ type: 'apply', body: applied, force: true }), { a: '1', c: '3', d: '4' });
  });

  it('a watch tells every change in order, from the version that was listed, and ends without a word when closed', async () => {
    const client = await connect();
    const labelled: ConfigMap = { metadata: { name: `${name}-watched`, namespace: 'default', labels: { of: name } } };
    const { resourceVersion } = await client.list(configMaps, { namespace: 'default' });
    const seen: string[] = [];
    let closed = 0;
    let enough = (): void => {};
    const done = new Promise<void>((resolve) => {
      enough = resolve;
    });
    const handle: WatchHandle = await client.watch(
      configMaps,
      { namespace: 'default', labelSelector: `of=${name}`, resourceVersion },
      {
        events: (batch: readonly WatchEvent<Stored<ConfigMap>>[]) => {
          for (const { type, object } of batch) if (type !== 'BOOKMARK') seen.push(`${type} ${object.kind} ${object.data?.n ?? '-'}`);
          if (seen.length >= 4) enough();
        },
        closed: () => {
          closed++;
        },
      },
    );
    const made = await client.create(configMaps, labelled);
    const changed = await client.update(configMaps, { ...made, data: { n: '1' } });
    // It stops matching: for this watch it is gone. Then it matches again.
    const hidden = await client.update(configMaps, { ...changed, metadata: { ...changed.metadata, labels: {} } });
    await client.update(configMaps, { ...hidden, metadata: { ...hidden.metadata, labels: { of: name } }, data: { n: '2' } });
    await done;
    assert.deepEqual(seen, ['ADDED ConfigMap -', 'MODIFIED ConfigMap 1', 'DELETED ConfigMap 1', 'ADDED ConfigMap 2']);
    handle.close();
    await client.delete(configMaps, `${name}-watched`, 'default');
    assert.deepEqual([seen.length, closed], [4, 0]);
  });

  it('a watch from a version of the future is refused or ends, and never tells anything', async () => {
    const client = await connect();
    const outcome = await new Promise<string>((resolve) => {
      client
        .watch(
          configMaps,
          { namespace: 'default', resourceVersion: '999999999' },
          { events: () => resolve('told'), closed: (error) => resolve(error?.reason ?? 'closed') },
        )
        .catch((thrown: unknown) => resolve(thrown instanceof StatusError ? thrown.reason : String(thrown)));
    });
    assert.ok(['Timeout', 'Expired', 'BadRequest', 'closed'].includes(outcome), outcome);
  });

  it('lists come in pages at one version', async () => {
    const client = await connect();
    for (const suffix of ['p1', 'p2', 'p3'])
      await client.create(configMaps, { ...map(suffix), metadata: { name: `${name}-${suffix}`, namespace: 'default', labels: { page: name } } });
    const first = await client.list(configMaps, { namespace: 'default', labelSelector: `page=${name}`, limit: 2 });
    assert.equal(first.items.length, 2);
    const rest = await client.list(configMaps, { namespace: 'default', labelSelector: `page=${name}`, limit: 2, continue: first.continue ?? '' });
    assert.deepEqual([rest.items.length, rest.resourceVersion, rest.continue], [1, first.resourceVersion, undefined]);
  });

  it('a request that is given up ends with Timeout', async () => {
    const client = await connect();
    const controller = new AbortController();
    controller.abort();
    const [reason] = await refusal(client.get(configMaps, 'kube-root-ca.crt', 'default', { signal: controller.signal }));
    assert.ok(reason === 'Timeout' || reason === 'NotFound', reason);
  });
}
