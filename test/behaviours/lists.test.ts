/** Lists in pages: test/e2e/apimachinery/chunking.go. And names that the server makes: generated_names in the same suite. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { JsonObject } from '../../src/machinery/object.ts';
import type { StatusError } from '../../src/machinery/status-error.ts';
import { type Cluster, makeNamespace, meta, namesOf, openCluster } from './cluster.ts';

const TEMPLATES = '/api/v1/namespaces/chunks/podtemplates';
const TOTAL = 40;
const template = (i: number): JsonObject => ({
  apiVersion: 'v1',
  kind: 'PodTemplate',
  metadata: { name: `template-${String(i).padStart(4, '0')}` },
  template: { spec: { containers: [{ name: 'test', image: 'test2' }] } },
});

describe('lists in pages', { timeout: 60_000 }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await openCluster();
    await makeNamespace(cluster, 'chunks');
    for (let i = 0; i < TOTAL; i++) await cluster.ask('POST', TEMPLATES, template(i));
  });
  after(() => cluster[Symbol.asyncDispose]());

  const page = async (query: string): Promise<{ readonly names: readonly string[]; readonly rv: string; readonly next: string; readonly left: unknown }> => {
    const body = await cluster.get(`${TEMPLATES}?${query}`);
    const { resourceVersion, continue: next = '', remainingItemCount } = meta(body);
    return { names: namesOf(body['items'] as readonly JsonObject[]), rv: String(resourceVersion), next: String(next), left: remainingItemCount };
  };

  it('hold together: one version, nothing twice, nothing left out, and a count of what is left', async () => {
    for (const limit of [1, 7, 17, TOTAL, TOTAL + 1]) {
      const all: string[] = [];
      let { names, rv, next, left } = await page(`limit=${limit}`);
      const version = rv;
      for (;;) {
        assert.ok(names.length <= limit);
        all.push(...names);
        assert.equal(rv, version);
        assert.equal(left, next === '' ? undefined : TOTAL - all.length);
        if (next === '') break;
        ({ names, rv, next, left } = await page(`limit=${limit}&continue=${next}`));
      }
      assert.deepEqual(
        all,
        Array.from({ length: TOTAL }, (_, i) => meta(template(i))['name']),
      );
    }
    assert.equal((await page('')).names.length, TOTAL, 'and without a limit it is all of them');
  });

  it('show what was there when they began, whatever happens meanwhile', async () => {
    const first = await page('limit=39');
    await cluster.ask('POST', TEMPLATES, template(9998));
    await cluster.ask('DELETE', `${TEMPLATES}/template-0039`);
    assert.deepEqual((await page(`continue=${first.next}`)).names, ['template-0039']);
    await cluster.ask('DELETE', `${TEMPLATES}/template-9998`);
    await cluster.ask('POST', TEMPLATES, template(39));
  });

  it('go on from the last name when their version has been compacted, with what is there then', async () => {
    const first = await page('limit=30');
    await cluster.ask('POST', TEMPLATES, template(9999));
    await cluster.plane.store.compact(cluster.plane.store.revision);
    const refused: StatusError = await cluster.refusal('GET', `${TEMPLATES}?limit=30&continue=${first.next}`);
    assert.deepEqual([refused.code, refused.reason], [410, 'Expired']);
    assert.match(
      refused.message,
      /^The provided continue parameter is too old to display a consistent list result\. You can start a new list without the continue parameter, or /,
    );
    const fresh = refused.continueToken ?? '';
    assert.notEqual(fresh, '', 'the refusal brings a token that goes on');
    const rest = await page(`limit=5&continue=${fresh}`);
    assert.deepEqual(rest.names[0], 'template-0030');
    assert.notEqual(rest.rv, first.rv, 'at a version of its own');
    const last = await page(`continue=${rest.next}`);
    assert.equal(last.rv, rest.rv);
    assert.deepEqual(last.names.at(-1), 'template-9999');
    assert.equal(rest.names.length + last.names.length, TOTAL - 30 + 1);
  });

  it('of an old version are refused once it is compacted', async () => {
    const { rv } = await page('limit=1');
    await cluster.ask('DELETE', `${TEMPLATES}/template-9999`);
    await cluster.plane.store.compact(cluster.plane.store.revision);
    const refused = await cluster.refusal('GET', `${TEMPLATES}?resourceVersion=${rv}&resourceVersionMatch=Exact`);
    assert.deepEqual([refused.code, refused.reason, refused.message], [410, 'Expired', 'The resourceVersion for the provided list is too old.']);
  });
});

describe('names that the server makes', () => {
  let cluster: Cluster;
  const maps = '/api/v1/namespaces/default/configmaps';
  const unnamed = (generateName: string, name?: string): JsonObject => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { generateName, ...(name === undefined ? {} : { name }) },
  });
  before(async () => {
    cluster = await openCluster();
  });
  after(() => cluster[Symbol.asyncDispose]());

  it('begin as is asked for and differ; a hundred at a time', async () => {
    const made = await Promise.all(Array.from({ length: 100 }, () => cluster.ask('POST', maps, unnamed('gen-'))));
    const names = made.map(({ body }) => String(meta(body)['name']));
    for (const name of names) assert.match(name, /^gen-[bcdfghjklmnpqrstvwxz2456789]{5}$/, 'no letters that make words');
    assert.equal(new Set(names).size, 100);
    assert.equal(meta(made[0]?.body)['generateName'], 'gen-');
  });

  it('are cut so that they fit, and a name that is given counts more', async () => {
    const long = (await cluster.ask('POST', maps, unnamed('x'.repeat(70)))).body;
    assert.equal(String(meta(long)['name']).length, 63);
    assert.equal(meta((await cluster.ask('POST', maps, unnamed('gen-', 'given'))).body)['name'], 'given');
  });

  it('are not made for a base that no name may have', async () => {
    const { code, message } = await cluster.refusal('POST', maps, unnamed('Bad_'));
    assert.equal(code, 422);
    assert.match(message, /^ConfigMap "Bad_[a-z0-9]{5}" is invalid: \[metadata\.generateName: Invalid value: "Bad_": a lowercase RFC 1123 subdomain must /);
    const none = await cluster.refusal('POST', maps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: {} });
    assert.equal(none.message, 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required');
  });
});
