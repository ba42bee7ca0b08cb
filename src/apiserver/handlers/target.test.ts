import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { builtinKinds } from '../../api/registry.ts';
import { StatusError } from '../../machinery/status-error.ts';
import { Registry } from '../registry/registry.ts';
import { formatContinue, parseContinue } from './continue-token.ts';
import { resolve, splitPath } from './target.ts';

const registry = new Registry(builtinKinds().filter(({ servedByDefault }) => servedByDefault));

/** Kind, namespace, name, subresource, rest. */
const rows: readonly (readonly [path: string, seen: string])[] = [
  ['/api/v1/pods', 'Pod   '],
  ['/api/v1/pods/', 'Pod   '],
  ['/api/v1/namespaces/a/pods/p', 'Pod a p '],
  ['/api/v1/namespaces/a/pods/p/log', 'Pod a p log'],
  ['/api/v1/namespaces/a', 'Namespace  a '],
  ['/api/v1/namespaces/a/status', 'Namespace  a status'],
  ['/api/v1/namespaces/a/finalize', 'Namespace  a finalize'],
  ['/api/v1/watch/namespaces/a/pods', 'Pod a  '],
  ['/apis/apps/v1/namespaces/a/deployments/d/scale', 'Deployment a d scale'],
  ['/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode', 'ClusterRole  system:node '],
  ['/api/v1/namespaces/a/services/http:web:80/proxy/x/y%20z/', 'Service a http:web:80 proxy/x/y%20z/'],
  ['/api/v1/namespaces/a/services/web/proxy/x%2Fy', 'Service a web proxy/x%2Fy'],
  ['/api/v1/namespaces/a%2Fpods/p', 'Pod a p '],
  ['/api/v1/namespaces/a/pods/p%2Fx', 'Pod a p x'],
  ['/api/v1/nodes/n/proxy/', 'Node  n proxy/'],
  ['/api/v1/nodes/n/proxy', 'Node  n proxy'],
  ['/api/v1/pods/p', 'nothing'],
  ['/api/v1/namespaces/a/nodes/n', 'nothing'],
  ['/api/v1/namespaces/a/pods/p/log/x', 'nothing'],
  ['/api/v1/nothings', 'nothing'],
  ['/apis/apps/v9/deployments', 'nothing'],
  ['/api/v1', 'no resource'],
  ['/apis/apps/v1/', 'no resource'],
  ['/healthz', 'no resource'],
];

test('what a path points at', () => {
  for (const [path, seen] of rows) {
    const split = splitPath(path);
    const target = split === undefined ? undefined : resolve(registry, split, path);
    const got =
      split === undefined
        ? 'no resource'
        : target === undefined
          ? 'nothing'
          : `${target.binding.kind.kind} ${target.namespace} ${target.name} ${target.subresource}${target.rest}`;
    assert.equal(got, seen, path);
  }
});

test('any path is read or refused, never more', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string(), fc.constantFrom('api', 'apis', 'v1', 'namespaces', 'pods', 'watch', '%', '..'))), (parts) => {
      const path = `/${parts.join('/')}`;
      try {
        const split = splitPath(path);
        if (split !== undefined) resolve(registry, split, path);
      } catch (thrown) {
        assert.ok(thrown instanceof StatusError && thrown.code === 400);
      }
    }),
  );
});

test('list tokens come back as they were given out; others are refused', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2 ** 52 }),
      fc.string({ minLength: 1 }).filter((s) => !s.includes('\0') && s.isWellFormed()),
      (revision, start) => {
        assert.deepEqual(parseContinue(formatContinue({ revision, start })), { revision, start });
      },
    ),
  );
  fc.assert(
    fc.property(fc.string(), (text) => {
      assert.throws(() => parseContinue(text), { code: 400 });
    }),
  );
});
