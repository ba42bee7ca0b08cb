import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json, JsonObject } from '../../machinery/object.ts';
import { startTestServer, type TestServer } from '../testing.ts';

const SERVICES = '/api/v1/namespaces/ns/services';
const PORT = { name: 'dns', port: 53 };
const UDP = { name: 'dns-udp', port: 53, protocol: 'UDP' };
const TAKEN = { type: 'NodePort', clusterIP: '10.96.0.9', ports: [{ port: 80, nodePort: 30_009 }] };
const BALANCER = { type: 'LoadBalancer', externalTrafficPolicy: 'Local' };

const service = (spec: JsonObject, name = 'a'): JsonObject => ({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { ports: [PORT], ...spec } });

async function withServices(run: (server: TestServer) => Promise<void>, ...old: readonly JsonObject[]): Promise<void> {
  await using server = startTestServer();
  await server.ask('POST', SERVICES, service(TAKEN, 'taken'));
  for (const spec of old) await server.ask('POST', SERVICES, service(spec));
  await run(server);
}

/** What a service gets in a cluster of IPv4: new, or (`old`) in place of another one. */
const GIVEN: readonly { readonly says: string; readonly old?: JsonObject; readonly spec: JsonObject; readonly shows: Readonly<Record<string, Json>> }[] = [
  { says: 'one family', spec: {}, shows: { ipFamilyPolicy: 'SingleStack', ipFamilies: ['IPv4'] } },
  { says: 'both families, where there are both', spec: { ipFamilyPolicy: 'PreferDualStack' }, shows: { ipFamilies: ['IPv4'] } },
  { says: 'the address that is asked for', spec: { clusterIP: '10.96.0.7' }, shows: { clusterIPs: ['10.96.0.7'] } },
  { says: 'both families, without an address', spec: { clusterIP: 'None' }, shows: { ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv4', 'IPv6'] } },
  { says: 'the other family, without an address', spec: { clusterIP: 'None', ipFamilies: ['IPv6'] }, shows: { ipFamilies: ['IPv6', 'IPv4'] } },
  {
    says: 'one family again',
    old: { clusterIP: 'None' },
    spec: { clusterIP: 'None', ipFamilyPolicy: 'SingleStack', ipFamilies: ['IPv4', 'IPv6'] },
    shows: { ipFamilies: ['IPv4'] },
  },
  {
    says: 'one node port for two protocols',
    spec: { type: 'NodePort', ports: [PORT, { ...UDP, nodePort: 30_053 }] },
    shows: { ports: [30_053, 30_053] },
  },
  {
    says: 'two node ports for two protocols that ask for them',
    spec: {
      type: 'NodePort',
      ports: [
        { ...PORT, nodePort: 30_054 },
        { ...UDP, nodePort: 30_053 },
      ],
    },
    shows: { ports: [30_054, 30_053] },
  },
  {
    says: 'the node port that it asks for, though a balancer needs none',
    spec: { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false, ports: [{ ...PORT, nodePort: 30_053 }, UDP] },
    shows: { ports: [30_053, 0] },
  },
  {
    says: 'the node port of the port of that name',
    old: { type: 'NodePort', ports: [{ ...PORT, nodePort: 30_053 }] },
    spec: { type: 'NodePort', ports: [{ ...PORT, port: 54 }] },
    shows: { ports: [30_053] },
  },
  {
    says: 'a node port that another of its ports had',
    old: { type: 'NodePort', ports: [{ ...PORT, nodePort: 30_053 }] },
    spec: { type: 'NodePort', ports: [{ ...UDP, nodePort: 30_053 }] },
    shows: { ports: [30_053] },
  },
];

for (const { says, old, spec, shows } of GIVEN)
  test(`a service gets ${says}`, () =>
    withServices(
      async (server) => {
        const made = old === undefined ? server.ask('POST', SERVICES, service(spec)) : server.ask('PUT', `${SERVICES}/a`, service(spec));
        const given = (await made).body['spec'] as JsonObject;
        const ports = (given['ports'] as readonly JsonObject[]).map((port) => port['nodePort'] ?? 0);
        for (const [field, value] of Object.entries(shows)) assert.deepEqual(field === 'ports' ? ports : given[field], value, field);
      },
      ...(old === undefined ? [] : [old]),
    ));

test('a node port that was asked for is held', () =>
  withServices(
    async (server) => {
      const spec = { type: 'NodePort', ports: [{ port: 80, nodePort: 30_053 }] };
      const { message } = await server.refusal('POST', SERVICES, service(spec, 'b'));
      assert.equal(message, 'Service "b" is invalid: spec.ports[0].nodePort: Invalid value: 30053: provided port is already allocated');
    },
    { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false, ports: [{ ...PORT, nodePort: 30_053 }] },
  ));

const INVALID = 'Service "a" is invalid: ';
const REFUSED: readonly { readonly says: string; readonly old?: JsonObject; readonly spec: JsonObject; readonly why: string }[] = [
  {
    says: 'both families',
    spec: { ipFamilyPolicy: 'RequireDualStack' },
    why: `${INVALID}spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services`,
  },
  {
    says: 'a family that the cluster does not have',
    spec: { ipFamilies: ['IPv6'] },
    why: `${INVALID}spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster`,
  },
  {
    says: 'an address of such a family',
    spec: { clusterIP: 'fd00::1' },
    why: `${INVALID}spec.clusterIPs[0]: Invalid value: ["fd00::1"]: IPv6 is not configured on this cluster`,
  },
  {
    says: 'two families for one',
    spec: { ipFamilies: ['IPv4', 'IPv6'] },
    why: `${INVALID}spec.ipFamilyPolicy: Invalid value: "SingleStack": must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified`,
  },
  {
    says: 'an address that is none, before anything else',
    spec: { clusterIP: 'here', ports: [] },
    why: `${INVALID}spec.clusterIPs[0]: Invalid value: "here": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)`,
  },
  {
    says: 'a list of addresses without the first',
    spec: { clusterIPs: ['10.96.0.7'] },
    why: `${INVALID}spec.clusterIPs: Invalid value: ["10.96.0.7"]: must be empty when \`clusterIP\` is not specified`,
  },
  {
    says: "another's address",
    spec: { clusterIP: '10.96.0.9' },
    why: `${INVALID}spec.clusterIPs: Invalid value: ["10.96.0.9"]: failed to allocate IP 10.96.0.9: provided IP is already allocated`,
  },
  {
    says: 'another address, by one that has one',
    old: { clusterIP: '10.96.0.7' },
    spec: { clusterIP: '10.96.0.9' },
    why: `${INVALID}spec.clusterIPs[0]: Invalid value: ["10.96.0.9"]: may not change once set`,
  },
  {
    says: 'an address, by one that has none',
    old: { clusterIP: 'None', selector: { app: 'a' } },
    spec: { clusterIP: '10.96.0.7', selector: { app: 'a' } },
    why: `${INVALID}spec.clusterIPs[0]: Invalid value: ["10.96.0.7"]: may not change once set`,
  },
  {
    says: 'a node port for two ports',
    spec: {
      type: 'NodePort',
      ports: [
        { ...PORT, nodePort: 30_053 },
        { name: 'b', port: 54, protocol: 'UDP', nodePort: 30_053 },
      ],
    },
    why: `${INVALID}spec.ports[1].nodePort: Invalid value: 30053: provided port is already allocated`,
  },
  {
    says: 'a port for its health that another one has',
    spec: { ...BALANCER, healthCheckNodePort: 30_009 },
    why: 'Internal error occurred: failed to allocate requested HealthCheck NodePort 30009: provided port is already allocated',
  },
  {
    says: 'another port for its health',
    old: { ...BALANCER, healthCheckNodePort: 30_010 },
    spec: { ...BALANCER, healthCheckNodePort: 30_011 },
    why: `${INVALID}spec.healthCheckNodePort: Forbidden: field is immutable`,
  },
];

for (const { says, old, spec, why } of REFUSED)
  test(`a service is refused ${says}`, () =>
    withServices(
      async (server) => {
        const refused = old === undefined ? server.refusal('POST', SERVICES, service(spec)) : server.refusal('PUT', `${SERVICES}/a`, service(spec));
        assert.equal((await refused).message, why);
      },
      ...(old === undefined ? [] : [old]),
    ));
