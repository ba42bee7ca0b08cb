import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ingressClasses, ingresses } from '../../api/gen/resources.ts';
import { defaultIngressClass } from './default-ingress-class.ts';
import { requestOf, run, stored } from './testing.ts';

test('DefaultIngressClass', async () => {
  const objects = [stored(ingressClasses, 'nginx', { metadata: { annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' } } })];
  const out = (await run(defaultIngressClass, requestOf({ resource: ingresses, object: { metadata: { name: 'i' }, spec: {} }, objects }))) as unknown as {
    spec: { ingressClassName: string };
  };
  assert.equal(out.spec.ingressClassName, 'nginx');
});
