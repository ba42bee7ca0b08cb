/** What is served, as clients find out: test/e2e/apimachinery/discovery.go, aggregated_discovery.go, and the groups that single tests look for. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '../../src/machinery/object.ts';
import { type Front, openFront } from './front.ts';

interface Version {
  readonly groupVersion: string;
  readonly version: string;
}
interface Group {
  readonly name: string;
  readonly versions: readonly Version[];
  readonly preferredVersion: Version;
}
interface Aggregated {
  readonly kind: string;
  readonly apiVersion: string;
  readonly items: readonly {
    readonly metadata: { readonly name?: string };
    readonly versions: readonly {
      readonly version: string;
      readonly freshness: string;
      readonly resources: readonly { readonly resource: string; readonly subresources?: readonly { readonly subresource: string }[] }[];
    }[];
  }[];
}

const accept = (version: string): Readonly<Record<string, string>> => ({
  accept: `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
});

/** Exactly these, subresources too. */
const RESOURCES: Readonly<Record<string, readonly string[]>> = {
  'apiextensions.k8s.io/v1': ['customresourcedefinitions', 'customresourcedefinitions/status'],
  'certificates.k8s.io/v1': ['certificatesigningrequests', 'certificatesigningrequests/approval', 'certificatesigningrequests/status'],
  'coordination.k8s.io/v1': ['leases'],
  'discovery.k8s.io/v1': ['endpointslices'],
  'flowcontrol.apiserver.k8s.io/v1': ['flowschemas', 'flowschemas/status', 'prioritylevelconfigurations', 'prioritylevelconfigurations/status'],
  'networking.k8s.io/v1': ['ingressclasses', 'ingresses', 'ingresses/status', 'ipaddresses', 'networkpolicies', 'servicecidrs', 'servicecidrs/status'],
  'node.k8s.io/v1': ['runtimeclasses'],
  'policy/v1': ['poddisruptionbudgets', 'poddisruptionbudgets/status'],
  'scheduling.k8s.io/v1': ['priorityclasses'],
  'authentication.k8s.io/v1': ['selfsubjectreviews', 'tokenreviews'],
  'authorization.k8s.io/v1': ['localsubjectaccessreviews', 'selfsubjectaccessreviews', 'selfsubjectrulesreviews', 'subjectaccessreviews'],
  'events.k8s.io/v1': ['events'],
};
/** At least these. */
const AMONG: Readonly<Record<string, readonly string[]>> = {
  'admissionregistration.k8s.io/v1': [
    'mutatingwebhookconfigurations',
    'validatingadmissionpolicies',
    'validatingadmissionpolicies/status',
    'validatingadmissionpolicybindings',
    'validatingwebhookconfigurations',
  ],
  'resource.k8s.io/v1': ['deviceclasses', 'resourceclaims', 'resourceclaims/status', 'resourceclaimtemplates', 'resourceslices'],
  'storage.k8s.io/v1': [
    'csidrivers',
    'csinodes',
    'csistoragecapacities',
    'storageclasses',
    'volumeattachments',
    'volumeattachments/status',
    'volumeattributesclasses',
  ],
  v1: [
    'namespaces/finalize',
    'nodes/proxy',
    'pods/binding',
    'pods/ephemeralcontainers',
    'pods/eviction',
    'pods/exec',
    'pods/log',
    'pods/resize',
    'serviceaccounts/token',
  ],
};

describe('discovery', () => {
  let front: Front;
  before(async () => {
    front = await openFront();
  });
  after(() => front[Symbol.asyncDispose]());

  const groups = async (): Promise<readonly Group[]> => (await front.say('GET', '/apis')).body['groups'] as unknown as readonly Group[];
  const resources = async (groupVersion: string): Promise<readonly JsonObject[]> =>
    (await front.say('GET', groupVersion === 'v1' ? '/api/v1' : `/apis/${groupVersion}`)).body['resources'] as readonly JsonObject[];

  it('every group has a preferred version, the first of its own, and every version has resources', async () => {
    for (const { name, versions, preferredVersion } of await groups()) {
      assert.deepEqual(versions[0], preferredVersion, name);
      const alone = (await front.say('GET', `/apis/${name}`)).body as unknown as Group & { readonly kind: string };
      assert.deepEqual([alone.kind, alone.name, alone.versions, alone.preferredVersion], ['APIGroup', name, versions, preferredVersion]);
      for (const { groupVersion } of versions) assert.ok((await resources(groupVersion)).length > 0, groupVersion);
    }
  });

  it('every resource says what it is called, what can be done with it, and by what short name', async () => {
    for (const groupVersion of ['v1', ...(await groups()).flatMap(({ versions }) => versions.map((each) => each.groupVersion))]) {
      for (const resource of await resources(groupVersion)) {
        const { name, kind, verbs, namespaced, singularName } = resource;
        assert.ok(
          typeof name === 'string' && typeof kind === 'string' && typeof namespaced === 'boolean' && (verbs as readonly string[]).length > 0,
          groupVersion,
        );
        assert.equal(typeof singularName, 'string');
        assert.equal(singularName === '', name.includes('/'), `${groupVersion} ${name}`);
      }
    }
  });

  for (const [groupVersion, expected] of Object.entries(RESOURCES))
    it(`${groupVersion} has exactly what Kubernetes has`, async () => {
      assert.deepEqual((await resources(groupVersion)).map(({ name }) => String(name)).toSorted(), expected);
    });
  for (const [groupVersion, expected] of Object.entries(AMONG))
    it(`${groupVersion} has what suites look for`, async () => {
      const names = (await resources(groupVersion)).map(({ name }) => String(name));
      assert.deepEqual(
        expected.filter((name) => !names.includes(name)),
        [],
      );
    });

  it('component statuses are read, not watched, and kept nowhere', async () => {
    const found = (await resources('v1')).find(({ name }) => name === 'componentstatuses');
    assert.deepEqual([found?.['verbs'], found?.['storageVersionHash']], [['get', 'list'], undefined]);
  });

  for (const version of ['v2', 'v2beta1']) {
    it(`aggregated, ${version}: the whole in two documents, the same as one by one`, async () => {
      const documents = await Promise.all(['/api', '/apis'].map((path) => front.say('GET', path, { headers: accept(version) })));
      for (const { headers, body } of documents) {
        const { kind, apiVersion } = body as unknown as Aggregated;
        assert.deepEqual([kind, apiVersion], ['APIGroupDiscoveryList', `apidiscovery.k8s.io/${version}`]);
        assert.equal(headers['content-type'], `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`);
        assert.equal(headers['vary'], 'Accept');
      }
      for (const { items } of documents.map(({ body }) => body as unknown as Aggregated)) {
        for (const { metadata, versions } of items) {
          assert.deepEqual(Object.keys(metadata), metadata.name === undefined ? [] : ['name']);
          for (const each of versions) {
            assert.equal(each.freshness, 'Current');
            const groupVersion = metadata.name === undefined ? each.version : `${metadata.name}/${each.version}`;
            const names = each.resources.flatMap(({ resource, subresources = [] }) => [
              resource,
              ...subresources.map(({ subresource }) => `${resource}/${subresource}`),
            ]);
            assert.deepEqual(names.toSorted(), (await resources(groupVersion)).map(({ name }) => String(name)).toSorted(), groupVersion);
          }
        }
      }
    });
  }

  it('who has it already is told so', async () => {
    const { headers } = await front.say('GET', '/apis', { headers: accept('v2') });
    const again = await front.say('GET', '/apis', { headers: { ...accept('v2'), 'if-none-match': String(headers['etag']) } });
    assert.deepEqual([again.code, again.text], [304, '']);
  });

  it('who wants a form that there is none of gets the old one, when that will do', async () => {
    const { accept: newer = '' } = accept('v9');
    assert.equal((await front.say('GET', '/apis', { headers: { accept: `${newer},application/json` } })).body['kind'], 'APIGroupList');
    assert.equal((await front.say('GET', '/apis', { headers: { accept: newer } })).code, 406);
  });

  it('is indented for people, and YAML for who wants it; so is the version', async () => {
    const starts = async (path: string, headers: Readonly<Record<string, string>>): Promise<string> =>
      (await front.say('GET', path, { headers })).text.slice(0, 12).replaceAll('\n', '|');
    const curl = { 'user-agent': 'curl/8' };
    assert.deepEqual(
      [await starts('/apis', {}), await starts('/apis', curl), await starts('/api/v1', { accept: 'application/yaml' }), await starts('/version', {})],
      ['{"kind":"API', '{|  "kind": "', 'kind: APIRes', '{|  "major": '].map((each) => each.slice(0, 12)),
    );
  });

  it('anybody who has an identity may look, nobody else', async () => {
    assert.equal((await front.say('GET', '/apis', { as: 'ann' })).code, 200);
    assert.equal((await front.say('GET', '/apis', { anonymous: true })).code, 403);
    assert.equal((await front.say('GET', '/version', { anonymous: true })).code, 200);
  });
});
