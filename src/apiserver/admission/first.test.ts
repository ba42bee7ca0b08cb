import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  configMaps,
  namespaces,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  priorityClasses,
  serviceAccounts,
  storageClasses,
} from '../../api/gen/resources.ts';
import type { Keys } from '../../base/keys.ts';
import { SeededRandom } from '../../base/random.ts';
import { RbacIndex } from '../authz/rbac.ts';
import { admissionChain } from './chain.ts';
import { defaultStorageClass } from './default-storage-class.ts';
import { defaultTolerationSeconds } from './default-toleration-seconds.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { priority } from './priority.ts';
import { serviceAccountAdmission } from './service-account.ts';
import { storageObjectInUseProtection } from './storage-object-in-use-protection.ts';
import { taintNodesByCondition } from './taint-nodes-by-condition.ts';
import { type RequestParts, requestOf, run, stored } from './testing.ts';

const pod = (spec: object = {}, metadata: object = {}) => ({
  metadata: { name: 'web', ...metadata },
  spec: { containers: [{ name: 'a', image: 'x' }], ...spec },
});

describe('NamespaceLifecycle', () => {
  const active = stored(namespaces, 'default', { status: { phase: 'Active' } });
  const ending = stored(namespaces, 'going', { status: { phase: 'Terminating' } });
  const rows: readonly (readonly [string, RequestParts, string | undefined])[] = [
    ['a create in a namespace that is there', { resource: configMaps, object: { metadata: { name: 'x' } }, objects: [active] }, undefined],
    ['a create in one that is not', { resource: configMaps, object: {}, namespace: 'gone', objects: [active] }, 'namespaces "gone" not found'],
    [
      'a create in one that is being deleted',
      { resource: pods, object: { metadata: { name: 'x' } }, namespace: 'going', objects: [ending] },
      'pods "x" is forbidden: unable to create new content in namespace going because it is being terminated',
    ],
    ['an update there', { operation: 'UPDATE', resource: pods, object: {}, old: {}, namespace: 'going', objects: [ending] }, undefined],
    ['a delete there', { operation: 'DELETE', resource: pods, old: {}, namespace: 'nowhere' }, undefined],
    [
      'deleting default',
      { operation: 'DELETE', resource: namespaces, name: 'default', namespace: 'default', old: {} },
      'namespaces "default" is forbidden: this namespace may not be deleted',
    ],
    ['deleting another', { operation: 'DELETE', resource: namespaces, name: 'mine', namespace: 'mine', old: {} }, undefined],
    ['creating a namespace', { resource: namespaces, name: 'mine', namespace: 'mine', object: {} }, undefined],
  ];
  for (const [what, parts, expected] of rows) {
    test(what, async () => {
      const result = await run(namespaceLifecycle, requestOf(parts));
      assert.equal(typeof result === 'string' ? result : undefined, expected);
    });
  }
});

describe('ServiceAccount', () => {
  const plugin = serviceAccountAdmission(new SeededRandom(7));
  const account = (rest: object = {}, name = 'default') => stored(serviceAccounts, name, rest, 'default');

  test('a pod gets its account, its pull secrets and the token volume', async () => {
    const object = pod({
      containers: [{ name: 'a' }, { name: 'b', volumeMounts: [{ name: 'own', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }] }],
    });
    const out = await run(plugin, requestOf({ resource: pods, object, objects: [account({ imagePullSecrets: [{ name: 'registry' }] })] }));
    const spec = (out as { spec: Record<string, unknown> }).spec;
    const [volume] = spec['volumes'] as { name: string }[];
    assert.match(volume?.name ?? '', /^kube-api-access-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    assert.deepEqual(spec['volumes'], [
      {
        name: volume?.name,
        projected: {
          defaultMode: 420,
          sources: [
            { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
            { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
            { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
          ],
        },
      },
    ]);
    assert.deepEqual(spec['containers'], [
      { name: 'a', volumeMounts: [{ name: volume?.name, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }] },
      { name: 'b', volumeMounts: [{ name: 'own', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }] },
    ]);
    assert.equal(spec['serviceAccountName'], 'default');
    assert.equal(spec['serviceAccount'], 'default');
    assert.deepEqual(spec['imagePullSecrets'], [{ name: 'registry' }]);
  });

  const mounts: readonly (readonly [string, boolean | undefined, boolean | undefined, boolean])[] = [
    ['nobody says', undefined, undefined, true],
    ['the account says no', undefined, false, false],
    ['the pod says no', false, true, false],
    ['the pod says yes', true, false, true],
  ];
  for (const [what, ofPod, ofAccount, mounted] of mounts) {
    test(`automount: ${what}`, async () => {
      const object = pod(ofPod === undefined ? {} : { automountServiceAccountToken: ofPod });
      const out = await run(
        plugin,
        requestOf({ resource: pods, object, objects: [account(ofAccount === undefined ? {} : { automountServiceAccountToken: ofAccount })] }),
      );
      assert.equal((out as { spec: { volumes?: unknown } }).spec.volumes !== undefined, mounted);
    });
  }

  test('an account that is not there', async () => {
    assert.equal(
      await run(plugin, requestOf({ resource: pods, object: pod({ serviceAccountName: 'who' }), objects: [account()] })),
      'pods "web" is forbidden: error looking up service account default/who: serviceaccount "who" not found',
    );
  });

  test('a mirror pod gets nothing and may ask for nothing', async () => {
    const metadata = { annotations: { 'kubernetes.io/config.mirror': 'x' } };
    assert.deepEqual(await run(plugin, requestOf({ resource: pods, object: pod({}, metadata) })), pod({}, metadata));
    assert.equal(
      await run(plugin, requestOf({ resource: pods, object: pod({ serviceAccountName: 'default' }, metadata) })),
      'pods "web" is forbidden: a mirror pod may not reference service accounts',
    );
  });
});

describe('Priority', () => {
  const high = stored(priorityClasses, 'high', { value: 1000, preemptionPolicy: 'Never' });
  const usual = stored(priorityClasses, 'usual', { value: 5, globalDefault: true });
  const specOf = async (spec: object, objects = [high, usual]) => {
    const out = await run(priority, requestOf({ resource: pods, object: pod(spec), objects }));
    return typeof out === 'string' ? out : { ...(out['spec'] as object), containers: undefined };
  };

  test('a named class', async () => {
    assert.deepEqual(await specOf({ priorityClassName: 'high' }), {
      containers: undefined,
      priorityClassName: 'high',
      priority: 1000,
      preemptionPolicy: 'Never',
    });
  });
  test('the default class', async () => {
    assert.deepEqual(await specOf({}), { containers: undefined, priorityClassName: 'usual', priority: 5, preemptionPolicy: 'PreemptLowerPriority' });
  });
  test('none at all', async () => {
    assert.deepEqual(await specOf({}, []), { containers: undefined, priority: 0, preemptionPolicy: 'PreemptLowerPriority' });
  });
  test('an unknown class', async () => {
    assert.equal(await specOf({ priorityClassName: 'nope' }), 'pods "web" is forbidden: no PriorityClass with name nope was found');
  });
  test('a number of one’s own', async () => {
    assert.equal(
      await specOf({ priorityClassName: 'high', priority: 7 }),
      'pods "web" is forbidden: the integer value of priority (7) must not be provided in pod spec; priority admission controller computed 1000 from the given PriorityClass name',
    );
  });
  test('a second default class', async () => {
    const object = { metadata: { name: 'other' }, value: 1, globalDefault: true };
    assert.equal(
      await run(priority, requestOf({ resource: priorityClasses, object, objects: [usual] })),
      'priorityclasses.scheduling.k8s.io "other" is forbidden: PriorityClass usual is already marked as default. Only one default can exist',
    );
  });
});

test('DefaultTolerationSeconds adds what is not said', async () => {
  const added = (key: string) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 });
  const [notReady, unreachable] = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'] as const;
  const rows: readonly (readonly [unknown[] | undefined, unknown[]])[] = [
    [undefined, [added(notReady), added(unreachable)]],
    [[{ key: notReady, operator: 'Exists' }], [{ key: notReady, operator: 'Exists' }, added(unreachable)]],
    [[{ operator: 'Exists' }], [{ operator: 'Exists' }]],
    [[{ operator: 'Exists', effect: 'NoSchedule' }], [{ operator: 'Exists', effect: 'NoSchedule' }, added(notReady), added(unreachable)]],
  ];
  for (const [given, expected] of rows) {
    const out = await run(defaultTolerationSeconds(), requestOf({ resource: pods, object: pod(given === undefined ? {} : { tolerations: given }) }));
    assert.deepEqual((out as { spec: { tolerations: unknown } }).spec.tolerations, expected);
  }
});

test('TaintNodesByCondition taints a new node once', async () => {
  const taint = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' };
  for (const spec of [undefined, {}, { taints: [taint] }]) {
    const out = await run(taintNodesByCondition, requestOf({ resource: nodes, object: { metadata: { name: 'n' }, ...(spec === undefined ? {} : { spec }) } }));
    assert.deepEqual((out as { spec: unknown }).spec, { taints: [taint] });
  }
});

test('DefaultStorageClass takes the newest default and leaves an empty name', async () => {
  const mark = (time: string) => ({ metadata: { annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' }, creationTimestamp: time } });
  const objects = [
    stored(storageClasses, 'old', mark('2026-01-01T00:00:00Z')),
    stored(storageClasses, 'new', mark('2026-02-01T00:00:00Z')),
    stored(storageClasses, 'other'),
  ];
  const rows: readonly (readonly [object, string | undefined, object?])[] = [
    [{}, 'new'],
    [{ storageClassName: '' }, ''],
    [{ storageClassName: 'other' }, 'other'],
    [{}, undefined, { annotations: { 'volume.beta.kubernetes.io/storage-class': 'x' } }],
  ];
  for (const [spec, expected, metadata = {}] of rows) {
    const out = await run(
      defaultStorageClass,
      requestOf({ resource: persistentVolumeClaims, object: { metadata: { name: 'c', ...metadata }, spec }, objects }),
    );
    assert.equal((out as { spec: { storageClassName?: string } }).spec.storageClassName, expected);
  }
});

test('StorageObjectInUseProtection', async () => {
  for (const [resource, finalizer] of [
    [persistentVolumeClaims, 'kubernetes.io/pvc-protection'],
    [persistentVolumes, 'kubernetes.io/pv-protection'],
  ] as const) {
    const out = await run(storageObjectInUseProtection, requestOf({ resource, object: { metadata: { name: 'x', finalizers: ['mine'] } } }));
    assert.deepEqual((out as { metadata: { finalizers: unknown } }).metadata.finalizers, ['mine', finalizer]);
  }
});

test('the chain refuses a name that it does not know', () => {
  const keys: Keys = {
    digest: (data) => data,
    secret: () => new Uint8Array(),
    sign: (data) => data,
    verify: () => false,
    signing: { algorithm: 'HS256', keyId: 'k' },
  };
  assert.throws(
    () =>
      admissionChain({ random: new SeededRandom(1), keys, authorize: () => ({ allowed: true, reason: '' }), rbac: new RbacIndex(), disabled: ['Prioritee'] }),
    /no admission plugin is called "Prioritee"/,
  );
});
