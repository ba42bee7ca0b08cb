import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatFieldError } from '../../machinery/field-error.ts';
import type * as core from '../gen/types/core.v1.ts';
import { validateServiceStatus } from './service.validation.ts';

const rows: readonly (readonly [says: string, type: string, ingress: core.LoadBalancerIngress, causes: readonly string[]])[] = [
  ['an address', 'LoadBalancer', { ip: '10.0.0.1', ipMode: 'VIP' }, []],
  ['a name', 'LoadBalancer', { hostname: 'a.b' }, []],
  [
    'a balancer of a service without one',
    'NodePort',
    { hostname: 'a.b' },
    ["status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'"],
  ],
  [
    'what is no address',
    'LoadBalancer',
    { ip: 'here', ipMode: 'VIP' },
    ['status.loadBalancer.ingress[0].ip: Invalid value: "here": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
  ],
  [
    'an address without its mode',
    'LoadBalancer',
    { ip: '10.0.0.1' },
    ['status.loadBalancer.ingress[0].ipMode: Required value: must be specified when `ip` is set'],
  ],
  ['a mode of no address', 'LoadBalancer', { ipMode: 'VIP' }, ['status.loadBalancer.ingress[0].ipMode: Forbidden: may not be specified when `ip` is not set']],
  [
    'a mode that is none',
    'LoadBalancer',
    { ip: '10.0.0.1', ipMode: 'Car' },
    ['status.loadBalancer.ingress[0].ipMode: Unsupported value: "Car": supported values: "Proxy", "VIP"'],
  ],
  [
    'an address for a name',
    'LoadBalancer',
    { hostname: '10.0.0.1' },
    ['status.loadBalancer.ingress[0].hostname: Invalid value: "10.0.0.1": must be a DNS name, not an IP address'],
  ],
];
for (const [says, type, ingress, causes] of rows) {
  test(`where a balancer is reached: ${says}`, () =>
    assert.deepEqual(validateServiceStatus({ spec: { type }, status: { loadBalancer: { ingress: [ingress] } } }).map(formatFieldError), causes));
}
