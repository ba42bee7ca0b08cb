/** What conformance suites ask of every kind alike, as one template over all kinds that are served. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { builtinFacts } from '../src/api/facts.ts';
import { builtinKinds } from '../src/api/registry.ts';
import type { Kind } from '../src/api/kind.ts';
import { startTestServer, type TestServer } from '../src/apiserver/testing.ts';
import { SystemClock } from '../src/base/system-clock.ts';
import { Certificates } from '../src/cluster/certificates.ts';
import type { Json, JsonObject } from '../src/machinery/object.ts';
import { parseTime } from '../src/machinery/time.ts';
import { zeroObject } from '../src/schema/decode.ts';
import { exchange } from './apiserver-exchange.ts';
import { MINIMAL } from './behaviours/minimal.ts';

const KINDS = builtinKinds().filter(({ servedByDefault, verbs }) => servedByDefault && verbs.includes('create') && verbs.includes('list'));
const MERGE = { contentType: 'application/merge-patch+json' };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const meta = (
  object: Json,
): {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly labels?: JsonObject;
  readonly annotations?: JsonObject;
  readonly continue?: string;
  readonly remainingItemCount?: number;
} => (object as { readonly metadata: never }).metadata;
const itemsOf = (list: JsonObject): readonly JsonObject[] => list.items as readonly JsonObject[];

const apiVersion = ({ group, version }: Kind): string => (group === '' ? version : `${group}/${version}`);
const root = (kind: Kind): string => (kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`);
const collection = (kind: Kind): string => `${root(kind)}/${kind.namespaced ? 'namespaces/crud/' : ''}${kind.resource}`;

function minimal(kind: Kind, i: number, labels: JsonObject): JsonObject {
  const { body = {}, name = (n: number) => `crud-${n}` } = MINIMAL[`${kind.group}/${kind.resource}`] ?? {};
  return { apiVersion: apiVersion(kind), kind: kind.kind, metadata: { name: name(i), labels }, ...body };
}

/** Kubernetes declares some counts and switches as text, and shows numbers and switches; a switch that may be unset is shown as text. */
function fits(type: string, cell: Json | undefined): boolean {
  if (type === 'date') return typeof cell === 'string' && parseTime(cell) !== undefined;
  if (type === 'boolean') return typeof cell === 'boolean' || cell === 'True' || cell === 'False';
  if (type === 'string') return ['string', 'number', 'boolean'].includes(typeof cell);
  return typeof cell === 'number';
}

describe('every kind that is served', () => {
  let server: TestServer;
  let port = 0;
  let ca = '';
  const agent = new Agent({ keepAlive: true });
  const directory = mkdtempSync(join(tmpdir(), 'berth-behaviours-'));
  before(async () => {
    server = startTestServer();
    const certificates = await Certificates.open(directory, new SystemClock());
    const pair = await certificates.issue({ commonName: 'server', organizations: [], dnsNames: [], ipAddresses: ['127.0.0.1'], usages: ['server'] });
    ca = certificates.caPem;
    ({ port } = await server.api.listen({ host: '127.0.0.1', port: 0, tls: { key: pair.keyPem, cert: pair.certPem, clientCa: ca } }));
  });
  after(async () => {
    agent.destroy();
    await server[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });

  /** What kubectl prints: a cell for each column, the name first among them, and the metadata of the object beside. */
  async function assertTable(kind: Kind, name: string): Promise<void> {
    const { code, text } = await exchange(port, ca, agent, 'GET', `${collection(kind)}/${name}`, undefined, {
      accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
    });
    assert.equal(code, 200, text);
    const {
      kind: as,
      columnDefinitions,
      rows,
    } = JSON.parse(text) as {
      readonly kind: string;
      readonly columnDefinitions: readonly { readonly name: string; readonly type: string }[];
      readonly rows: readonly { readonly cells: readonly Json[]; readonly object: JsonObject }[];
    };
    const [row] = rows;
    assert.deepEqual([as, rows.length, row?.cells.length], ['Table', 1, columnDefinitions.length]);
    assert.deepEqual([row?.object.kind, meta(row?.object as JsonObject).name], ['PartialObjectMetadata', name]);
    // Events begin with when they were seen.
    const at = columnDefinitions.findIndex((column) => column.name === 'Name');
    assert.equal(row?.cells[at], name);
    for (const [i, { type, name: column }] of columnDefinitions.entries()) {
      const cell: Json | undefined = row?.cells[i];
      assert.ok(cell === null || fits(type, cell), `${column} is ${type}, and shows ${JSON.stringify(cell)}`);
    }
  }

  it('is here', () => assert.ok(KINDS.length >= 58, String(KINDS.length)));

  for (const kind of KINDS) {
    const path = collection(kind);
    it(`${apiVersion(kind)} ${kind.resource}: create, get, list, watch, update, patch, status, delete`, async () => {
      const labels = { suite: 'crud' };
      const selected = `${path}?labelSelector=suite%3Dcrud`;
      const watch = await server.watch(`${selected}&resourceVersion=${meta((await server.ask('GET', `${path}?limit=1`)).body).resourceVersion}`);
      const dry = await server.ask('POST', `${path}?dryRun=All`, minimal(kind, 1, labels));
      assert.equal(dry.code, 201);
      const name = meta(dry.body).name;
      assert.equal((await server.refusal('GET', `${path}/${name}`)).reason, 'NotFound', 'a dry run leaves nothing');
      const { code, body: made } = await server.ask('POST', path, minimal(kind, 1, labels));
      assert.deepEqual([code, made.kind, made.apiVersion], [201, kind.kind, apiVersion(kind)]);
      const { status: zeros = {} } = zeroObject(builtinFacts, kind.typeName) as { readonly status?: JsonObject };
      for (const field of Object.keys(zeros)) assert.ok(Object.hasOwn(made.status as JsonObject, field), `a status that nobody wrote shows ${field}`);
      assert.equal(made.status === undefined, kind.subresources.status === undefined || !Object.hasOwn(zeroObject(builtinFacts, kind.typeName), 'status'));
      const again = await server.refusal('POST', path, minimal(kind, 1, labels));
      assert.deepEqual([again.code, again.reason], [409, 'AlreadyExists']);
      assert.deepEqual((await server.ask('GET', `${path}/${name}`)).body, made);
      const { body: listed } = await server.ask('GET', selected);
      assert.deepEqual([listed.kind, itemsOf(listed).map((each) => meta(each).name)], [kind.listKind, [name]]);
      if (kind.namespaced) assert.equal(itemsOf((await server.ask('GET', `${root(kind)}/${kind.resource}?labelSelector=suite%3Dcrud`)).body).length, 1);

      const { body: updated } = await server.ask('PUT', `${path}/${name}`, {
        ...made,
        metadata: { ...(made.metadata as JsonObject), annotations: { by: 'update' } },
      });
      assert.equal(meta(updated).annotations?.by, 'update');
      const stale = await server.refusal('PUT', `${path}/${name}`, { ...made, metadata: { ...(made.metadata as JsonObject), annotations: { by: 'late' } } });
      assert.deepEqual([stale.code, stale.reason], [409, 'Conflict']);
      const { body: patched } = await server.ask('PATCH', `${path}/${name}`, { metadata: { annotations: { also: 'patch' } } }, MERGE);
      const { by, also } = meta(patched).annotations ?? {};
      assert.deepEqual([by, also], ['update', 'patch']);
      const { body: applied } = await server.ask(
        'PATCH',
        `${path}/${name}?fieldManager=a`,
        { apiVersion: apiVersion(kind), kind: kind.kind, metadata: { name, annotations: { applied: 'yes' } } },
        { contentType: 'application/apply-patch+yaml' },
      );
      assert.equal(meta(applied).annotations?.applied, 'yes');
      let events = ['ADDED', 'MODIFIED', 'MODIFIED', 'MODIFIED'];
      if (kind.subresources.status !== undefined) {
        const { body: same } = await server.ask('GET', `${path}/${name}/status`);
        assert.equal(meta(same).uid, meta(made).uid);
        const { body: status } = await server.ask('PATCH', `${path}/${name}/status`, { metadata: { annotations: { status: 'too' } } }, MERGE);
        assert.deepEqual([status.kind, meta(status).uid], [kind.kind, meta(made).uid]);
        if (meta(status).resourceVersion !== meta(applied).resourceVersion) events = [...events, 'MODIFIED'];
      }
      await assertTable(kind, name);
      assert.equal(
        (await server.refusal('DELETE', `${path}/${name}`, { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid: 'another' } })).code,
        409,
      );
      await server.ask('DELETE', `${path}/${name}`, { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 0, propagationPolicy: 'Background' });
      if (kind.kind === 'Namespace') await server.ask('PUT', `${path}/${name}/finalize`, { ...made, metadata: { name }, spec: { finalizers: [] } });
      assert.equal((await server.refusal('GET', `${path}/${name}`)).reason, 'NotFound');
      await turn();
      const told = watch.events.map(({ type }) => type);
      assert.deepEqual([told.slice(0, events.length), told.at(-1)], [events, 'DELETED']);
      watch.close();
    });

    if (!kind.verbs.includes('deletecollection')) continue;
    it(`${apiVersion(kind)} ${kind.resource}: many, in pages, deleted by label`, async () => {
      const fixed = minimal(kind, 1, {});
      const single = meta(fixed).name === meta(minimal(kind, 2, {})).name;
      const count = single ? 1 : 5;
      for (let i = 1; i <= count; i++) await server.ask('POST', path, minimal(kind, i, { many: 'yes' }));
      if (!single) {
        const { body: first } = await server.ask('GET', `${path}?limit=2`);
        assert.deepEqual([itemsOf(first).length, meta(first).remainingItemCount], [2, 3]);
        const { body: rest } = await server.ask('GET', `${path}?limit=500&continue=${meta(first).continue}`);
        assert.deepEqual([itemsOf(rest).length, meta(rest).resourceVersion], [3, meta(first).resourceVersion]);
        const third = MINIMAL[`${kind.group}/${kind.resource}`]?.name === undefined ? 'crud-3' : meta(minimal(kind, 3, {})).name;
        await server.ask('PATCH', `${path}/${third}`, { metadata: { annotations: { newer: 'yes' } } }, MERGE);
        await server.store.compact(server.store.revision);
        const gone = await server.refusal('GET', `${path}?limit=2&continue=${meta(first).continue}`);
        const fresh = (gone.toStatus() as unknown as { readonly metadata?: { readonly continue?: string } }).metadata?.continue ?? '';
        assert.deepEqual([gone.code, gone.reason], [410, 'Expired']);
        assert.equal(itemsOf((await server.ask('GET', `${path}?limit=500&continue=${fresh}`)).body).length, 3, 'the fresh token goes on');
      }
      await server.ask('DELETE', `${path}?labelSelector=many%3Dno`, { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 0 });
      assert.equal(itemsOf((await server.ask('GET', `${path}?labelSelector=many%3Dyes`)).body).length, count);
      await server.ask('DELETE', `${path}?labelSelector=many%3Dyes`, {
        kind: 'DeleteOptions',
        apiVersion: 'v1',
        gracePeriodSeconds: 0,
        propagationPolicy: 'Background',
      });
      assert.deepEqual(itemsOf((await server.ask('GET', `${path}?labelSelector=many%3Dyes`)).body), []);
    });
  }

  it('generateName makes names that fit', async () => {
    const names = new Set<string>();
    for (let i = 0; i < 20; i++)
      names.add(
        meta((await server.ask('POST', '/api/v1/namespaces/crud/configmaps', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'gen-' } })).body)
          .name,
      );
    assert.equal(names.size, 20);
    for (const name of names) assert.match(name, /^gen-[a-z0-9]{5}$/);
  });

  const UNKNOWN = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'strict', colour: 'red' }, dat: { a: 'b' } };
  it('field validation: Strict refuses, Warn says it, Ignore is silent', async () => {
    const path = '/api/v1/namespaces/crud/configmaps';
    const strict = await server.refusal('POST', `${path}?fieldValidation=Strict`, UNKNOWN);
    assert.equal(strict.code, 400);
    assert.match(strict.message, /strict decoding error: .*unknown field "metadata\.colour"/);
    assert.match(strict.message, /unknown field "dat"/);
    assert.deepEqual([...(await server.ask('POST', `${path}?fieldValidation=Warn&dryRun=All`, UNKNOWN)).warnings].toSorted(), [
      'unknown field "dat"',
      'unknown field "metadata.colour"',
    ]);
    assert.deepEqual((await server.ask('POST', `${path}?fieldValidation=Ignore&dryRun=All`, UNKNOWN)).warnings, []);
  });
});
