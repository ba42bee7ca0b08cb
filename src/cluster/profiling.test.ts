import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RawResponse } from '../apiserver/stages.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { profilingRoutes } from './profiling.ts';

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
};

describe('profiles', () => {
  const clock = new VirtualClock();
  const routes = profilingRoutes(clock);
  const ask = async (path: string, seconds?: string): Promise<RawResponse> => {
    const route = routes.find((each) => each.path === path) ?? routes.find((each) => each.match === 'prefix' && path.startsWith(each.path));
    assert.ok(route !== undefined);
    const query: [string, string][] = seconds === undefined ? [] : [['seconds', seconds]];
    return route.handle({ method: 'GET', path, query, headers: {}, user: { name: 'admin', groups: [] }, signal: undefined, body: () => new Uint8Array() });
  };

  for (const [path, part] of [
    ['/debug/pprof/profile', 'nodes'],
    ['/debug/pprof/heap', 'head'],
  ] as const) {
    it(`${path}: as long as was asked for, one at a time`, async () => {
      const asked = ask(path, '5');
      await until(() => clock.nextInMs() === 5_000);
      await assert.rejects(ask('/debug/pprof/profile'), /another profile is being taken/);
      await clock.advance(5_000, async () => {});
      const { code, body } = await asked;
      assert.equal(code, 200);
      assert.ok(part in (JSON.parse(String(body)) as object));
      assert.equal(clock.nextInMs(), undefined);
    });
  }

  it('a page leads to them', async () => {
    const page = await ask('/debug/pprof/');
    assert.deepEqual([page.code, page.headers?.['content-type']], [200, 'text/html; charset=utf-8']);
    const links = [...String(page.body).matchAll(/href='([^?']*)/g)].map((match) => match[1]);
    assert.deepEqual(links, ['heap', 'profile']);
    assert.deepEqual((await ask('/debug/pprof')).headers, { location: '/debug/pprof/' });
    assert.equal((await ask('/debug/pprof/nosuch')).code, 404);
  });

  it('no more seconds than a request has', async () => {
    for (const seconds of ['0', '51', 'x', '-1']) await assert.rejects(ask('/debug/pprof/profile', seconds), /more than 0 and at most 50 are expected/);
  });
});
