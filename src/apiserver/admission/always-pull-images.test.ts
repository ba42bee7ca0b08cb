import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pods } from '../../api/gen/resources.ts';
import { alwaysPullImages } from './always-pull-images.ts';
import { requestOf, run } from './testing.ts';

const pod = (image: string, policy?: string) => ({
  metadata: { name: 'web' },
  spec: {
    containers: [{ name: 'a', image, ...(policy === undefined ? {} : { imagePullPolicy: policy }) }],
    volumes: [{ name: 'v', image: { reference: 'y' } }],
  },
});

test('every image of a new pod is pulled', async () => {
  const out = (await run(alwaysPullImages, requestOf({ resource: pods, object: pod('x', 'IfNotPresent') }))) as unknown as ReturnType<typeof pod>;
  assert.deepEqual(out.spec, {
    containers: [{ name: 'a', image: 'x', imagePullPolicy: 'Always' }],
    volumes: [{ name: 'v', image: { reference: 'y', pullPolicy: 'Always' } }],
  });
});

test('an update without a new image changes nothing', async () => {
  const update = (image: string) => requestOf({ operation: 'UPDATE', resource: pods, name: 'web', object: pod(image, 'Never'), old: pod('x', 'Never') });
  assert.deepEqual(await run(alwaysPullImages, update('x')), pod('x', 'Never'));
  assert.equal(((await run(alwaysPullImages, update('z'))) as unknown as ReturnType<typeof pod>).spec.containers[0]?.imagePullPolicy, 'Always');
});

test('what another plugin has put back is refused', () => {
  const request = requestOf({ resource: pods, object: pod('x', 'Never') });
  assert.throws(() => alwaysPullImages.validate?.(request), {
    message: 'Pod "web" is invalid: spec.containers[0].imagePullPolicy: Unsupported value: "Never": supported values: "Always"',
  });
});
