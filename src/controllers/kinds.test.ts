import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '../client/client.ts';
import { keyOf, ServedKinds } from './kinds.ts';

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const resource = (name: string, kind: string, { namespaced = true, verbs = VERBS } = {}): object => ({ name, kind, namespaced, verbs });

/** A server by its discovery pages; a page that is missing fails. */
class Pages {
  readonly pages = new Map<string, object>();

  constructor() {
    this.pages.set('/api/v1', {
      resources: [resource('pods', 'Pod'), resource('pods/log', 'Pod', { verbs: ['get'] }), resource('bindings', 'Binding', { verbs: ['create'] })],
    });
    this.pages.set('/apis', { groups: [] });
  }

  serve(group: string, versions: Readonly<Record<string, readonly object[]>>, preferred: string): void {
    const { groups } = this.pages.get('/apis') as { readonly groups: readonly object[] };
    const named = (version: string): object => ({ groupVersion: `${group}/${version}`, version });
    const added = { name: group, versions: Object.keys(versions).map(named), preferredVersion: named(preferred) };
    this.pages.set('/apis', { groups: [...groups, added] });
    for (const [version, resources] of Object.entries(versions)) this.pages.set(`/apis/${group}/${version}`, { resources });
  }

  kinds(): ServedKinds {
    const raw = async (_method: string, path: string): Promise<object> => {
      const page = this.pages.get(path);
      if (page === undefined) throw new Error('the server is currently unable to handle the request');
      return page;
    };
    return new ServedKinds({ raw } as unknown as Client);
  }
}

test('what can be listed, watched and deleted, each in the version that the server prefers', async () => {
  const pages = new Pages();
  pages.serve('stable.example.com', { v1beta1: [resource('crontabs', 'CronTab'), resource('old', 'Old')], v1: [resource('crontabs', 'CronTab')] }, 'v1');
  pages.serve('events.k8s.io', { v1: [resource('events', 'Event')] }, 'v1');
  const kinds = pages.kinds();
  assert.deepEqual(await kinds.refresh(), []);
  assert.deepEqual(kinds.all().map(keyOf), ['/v1/pods Pod true', 'stable.example.com/v1/crontabs CronTab true', 'stable.example.com/v1beta1/old Old true']);
});

test('kinds come and go, and that is told once', async () => {
  const pages = new Pages();
  const kinds = pages.kinds();
  await kinds.refresh();
  let told = 0;
  using _ = kinds.onChange(() => told++);
  await kinds.refresh();
  assert.equal(told, 0);
  pages.serve('example.com', { v1: [resource('widgets', 'Widget'), resource('plants', 'Plant', { namespaced: false })] }, 'v1');
  await kinds.refresh();
  assert.deepEqual([told, kinds.namespaced().length], [1, 2]);
  pages.pages.set('/apis', { groups: [] });
  await kinds.refresh();
  assert.deepEqual([told, kinds.all().length], [2, 1]);
});

test('also the core group, and a version of a group of which another one answers', async () => {
  const pages = new Pages();
  pages.serve('example.com', { v2: [resource('widgets', 'Widget'), resource('plants', 'Plant')], v1: [resource('widgets', 'Widget')] }, 'v2');
  const kinds = pages.kinds();
  await kinds.refresh();
  const before = kinds.all().map(keyOf).sort();
  let told = 0;
  using _ = kinds.onChange(() => told++);
  pages.pages.delete('/api/v1');
  pages.pages.delete('/apis/example.com/v2');
  assert.equal((await kinds.refresh()).length, 2);
  assert.deepEqual([kinds.all().map(keyOf).sort(), told], [before, 0]);
});

test('a group that can not be asked is named, and keeps its kinds', async () => {
  const pages = new Pages();
  pages.serve('metrics.example.com', { v1: [resource('samples', 'Sample')] }, 'v1');
  const kinds = pages.kinds();
  await kinds.refresh();
  pages.pages.delete('/apis/metrics.example.com/v1');
  assert.deepEqual(await kinds.refresh(), ['metrics.example.com/v1: the server is currently unable to handle the request']);
  assert.equal(kinds.all().length, 2);
});
