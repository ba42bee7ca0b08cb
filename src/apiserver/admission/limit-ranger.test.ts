import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { limitRanges, persistentVolumeClaims, pods } from '../../api/gen/resources.ts';
import { limitRanger } from './limit-ranger.ts';
import { type RequestParts, requestOf, run, stored } from './testing.ts';

const pod = (spec: object = {}, metadata: object = {}) => ({
  metadata: { name: 'web', ...metadata },
  spec: { containers: [{ name: 'a', image: 'x' }], ...spec },
});

const refusal = async (plugin: Parameters<typeof run>[0], parts: RequestParts): Promise<string | undefined> => {
  const result = await run(plugin, requestOf(parts));
  return typeof result === 'string' ? result : undefined;
};

describe('LimitRanger', () => {
  const range = (...limits: object[]) => stored(limitRanges, 'range', { spec: { limits } }, 'default');
  const asks = (resources: object) => pod({ containers: [{ name: 'a', image: 'x', resources }] });

  test('fills in defaults and says so', async () => {
    const objects = [range({ type: 'Container', default: { cpu: '500m', memory: '1Gi' }, defaultRequest: { cpu: '100m' } })];
    const out = (await run(limitRanger, requestOf({ resource: pods, object: asks({ limits: { cpu: '1' } }), objects }))) as unknown as {
      metadata: { annotations: Record<string, string> };
      spec: { containers: { resources: unknown }[] };
    };
    assert.deepEqual(out.spec.containers[0]?.resources, { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '100m' } });
    assert.equal(out.metadata.annotations['kubernetes.io/limit-ranger'], 'LimitRanger plugin set: cpu request for container a; memory limit for container a');
  });

  const rows: readonly (readonly [object, object, string | undefined])[] = [
    [{ type: 'Container', min: { cpu: '100m' } }, {}, 'minimum cpu usage per Container is 100m.  No request is specified'],
    [{ type: 'Container', min: { cpu: '100m' } }, { requests: { cpu: '50m' } }, 'minimum cpu usage per Container is 100m, but request is 50m'],
    [{ type: 'Container', max: { memory: '1Gi' } }, { limits: { memory: '2048Mi' } }, 'maximum memory usage per Container is 1Gi, but limit is 2Gi'],
    [{ type: 'Container', max: { memory: '1Gi' } }, { limits: { memory: '1024Mi' } }, undefined],
    [
      { type: 'Container', maxLimitRequestRatio: { cpu: '2' } },
      { requests: { cpu: '100m' }, limits: { cpu: '500m' } },
      'cpu max limit to request ratio per Container is 2, but provided ratio is 5.000000',
    ],
    [{ type: 'Pod', max: { cpu: '1' } }, { limits: { cpu: '2' } }, 'maximum cpu usage per Pod is 1, but limit is 2'],
    [
      { type: 'Container', max: { cpu: '1', memory: '1Gi' } },
      { limits: { cpu: '2', memory: '2Gi' } },
      '[maximum cpu usage per Container is 1, but limit is 2, maximum memory usage per Container is 1Gi, but limit is 2Gi]',
    ],
  ];
  for (const [limit, resources, why] of rows) {
    test(`${JSON.stringify(limit)} ${JSON.stringify(resources)}`, async () => {
      assert.equal(
        await refusal(limitRanger, { resource: pods, object: asks(resources), objects: [range(limit)] }),
        why === undefined ? undefined : `pods "web" is forbidden: ${why}`,
      );
    });
  }

  test('an init container counts beside the sidecars before it', async () => {
    const small = { limits: { cpu: '1' } };
    const sum = pod({
      initContainers: [
        { name: 's', image: 'x', restartPolicy: 'Always', resources: small },
        { name: 'i', image: 'x', resources: { limits: { cpu: '3' } } },
      ],
      containers: [{ name: 'a', image: 'x', resources: small }],
    });
    assert.equal(
      await refusal(limitRanger, { resource: pods, object: sum, objects: [range({ type: 'Pod', max: { cpu: '3' } })] }),
      'pods "web" is forbidden: maximum cpu usage per Pod is 3, but limit is 4',
    );
  });

  test('what two containers are told alike is said once, and one range after the other', async () => {
    const object = pod({ containers: ['a', 'b'].map((name) => ({ name, image: 'x' })) });
    const ranges = [
      range({ type: 'Container', min: { cpu: '1' } }),
      stored(limitRanges, 'second', { spec: { limits: [{ type: 'Container', min: { memory: '1' } }] } }, 'default'),
    ];
    assert.equal(
      await refusal(limitRanger, { resource: pods, object, objects: ranges }),
      'pods "web" is forbidden: minimum cpu usage per Container is 1.  No request is specified',
    );
  });

  test('a claim that is on its way out may lose its finalizers', async () => {
    const object = { metadata: { name: 'c', deletionTimestamp: '2026-01-01T00:00:00Z' }, spec: { resources: { requests: { storage: '3Gi' } } } };
    const objects = [range({ type: 'PersistentVolumeClaim', max: { storage: '2Gi' } })];
    assert.equal(await refusal(limitRanger, { operation: 'UPDATE', resource: persistentVolumeClaims, name: 'c', object, old: object, objects }), undefined);
  });

  test('claims', async () => {
    const object = { metadata: { name: 'c' }, spec: { resources: { requests: { storage: '3Gi' } } } };
    assert.equal(
      await refusal(limitRanger, { resource: persistentVolumeClaims, object, objects: [range({ type: 'PersistentVolumeClaim', max: { storage: '2Gi' } })] }),
      'persistentvolumeclaims "c" is forbidden: maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi',
    );
  });
});
