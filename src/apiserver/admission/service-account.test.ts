import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pods, serviceAccounts } from '../../api/gen/resources.ts';
import { SeededRandom } from '../../base/random.ts';
import { serviceAccountAdmission } from './service-account.ts';
import { requestOf, run, stored } from './testing.ts';

const pod = (spec: object = {}, metadata: object = {}) => ({
  metadata: { name: 'web', ...metadata },
  spec: { containers: [{ name: 'a', image: 'x' }], ...spec },
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
    // Before NodeRestriction says it in its own words.
    await assert.rejects(async () => plugin.admit?.(requestOf({ resource: pods, object: pod({ imagePullSecrets: [{ name: 's' }] }, metadata) })), {
      message: 'pods "web" is forbidden: a mirror pod may not reference secrets',
    });
  });

  describe('an account that lets its pods use only its own secrets', () => {
    const limited = account({ secrets: [{ name: 'own' }], metadata: { annotations: { 'kubernetes.io/enforce-mountable-secrets': 'true' } } });
    const key = (name: string) => [{ name: 'TOKEN', valueFrom: { secretKeyRef: { name, key: 'k' } } }];
    const no = (what: string): string => `pods "web" is forbidden: ${what} is not allowed because service account default does not reference that secret`;
    const rows: readonly (readonly [string, object, string | undefined])[] = [
      ['its own', { volumes: [{ name: 'v', secret: { secretName: 'own' } }] }, undefined],
      ['a volume', { volumes: [{ name: 'v', secret: { secretName: 'x' } }] }, no('volume with secret.secretName="x"')],
      ['a projected one', { volumes: [{ name: 'v', projected: { sources: [{ secret: { name: 'x' } }] } }] }, no('volume with secret.secretName="x"')],
      ['a variable', { containers: [{ name: 'a', env: key('x') }] }, no('container a with envVar TOKEN referencing secret.secretName="x"')],
      [
        'a variable of an init container',
        { initContainers: [{ name: 'i', env: key('x') }] },
        no('init container i with envVar TOKEN referencing secret.secretName="x"'),
      ],
      ['all of it', { containers: [{ name: 'a', envFrom: [{ secretRef: { name: 'x' } }] }] }, no('container a with envFrom referencing secret.secretName="x"')],
    ];
    for (const [what, spec, refused] of rows) {
      test(what, async () => {
        const out = await run(plugin, requestOf({ resource: pods, object: pod({ automountServiceAccountToken: false, ...spec }), objects: [limited] }));
        assert.equal(typeof out === 'string' ? out : undefined, refused);
      });
    }

    test('an ephemeral container', async () => {
      const object = pod({ serviceAccountName: 'default', ephemeralContainers: [{ name: 'debug', env: key('x') }] });
      const request = requestOf({
        operation: 'UPDATE',
        resource: pods,
        subresource: 'ephemeralcontainers',
        name: 'web',
        object,
        old: pod(),
        objects: [limited],
      });
      assert.equal(await run(plugin, request), no('ephemeral container debug with envVar TOKEN referencing secret.secretName="x"'));
    });
  });
});
