import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { deployments, namespaces, pods } from '../../api/gen/resources.ts';
import { podSecurity } from './pod-security.ts';
import { type RequestParts, requestOf, run, stored } from './testing.ts';

const pod = (spec: object = {}, metadata: object = {}) => ({
  metadata: { name: 'web', ...metadata },
  spec: { containers: [{ name: 'a', image: 'x' }], ...spec },
});

const refusal = async (plugin: Parameters<typeof run>[0], parts: RequestParts): Promise<string | undefined> => {
  const result = await run(plugin, requestOf(parts));
  return typeof result === 'string' ? result : undefined;
};

describe('PodSecurity', () => {
  const space = (labels: object) => stored(namespaces, 'default', { metadata: { labels } });
  const enforce = (level: string, more: object = {}) => [space({ 'pod-security.kubernetes.io/enforce': level, ...more })];
  const tight = {
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [{ name: 'a', image: 'x', securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } } }],
  };
  const rows: (readonly [string, object, object[], string | undefined])[] = [
    ['no labels', { hostNetwork: true }, [space({})], undefined],
    ['baseline, harmless', {}, enforce('baseline'), undefined],
    [
      'baseline, host network and a path',
      { hostNetwork: true, volumes: [{ name: 'v', hostPath: { path: '/' } }] },
      enforce('baseline'),
      'host namespaces (hostNetwork=true), hostPath volumes (volume "v")',
    ],
    [
      'baseline, privileged with ports',
      {
        containers: [
          { name: 'a', image: 'x', securityContext: { privileged: true }, ports: [{ containerPort: 1, hostPort: 80 }] },
          { name: 'b', image: 'x', securityContext: { capabilities: { add: ['NET_ADMIN', 'CHOWN'] } } },
        ],
      },
      enforce('baseline'),
      'non-default capabilities (container "b" must not include "NET_ADMIN" in securityContext.capabilities.add), hostPort (container "a" uses hostPort 80), privileged (container "a" must not set securityContext.privileged=true)',
    ],
    [
      'baseline, sysctls',
      { securityContext: { sysctls: [{ name: 'kernel.msgmax' }, { name: 'net.ipv4.tcp_rmem' }] } },
      enforce('baseline'),
      'forbidden sysctls (kernel.msgmax)',
    ],
    [
      'baseline of an older version',
      { securityContext: { sysctls: [{ name: 'net.ipv4.tcp_rmem' }] } },
      enforce('baseline', { 'pod-security.kubernetes.io/enforce-version': 'v1.30' }),
      'forbidden sysctls (net.ipv4.tcp_rmem)',
    ],
    ['restricted, tight', tight, enforce('restricted'), undefined],
    [
      'restricted, as people write pods',
      {},
      enforce('restricted'),
      'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    ],
    [
      'restricted, root and a path',
      { ...tight, securityContext: { ...tight.securityContext, runAsUser: 0 }, volumes: [{ name: 'v', hostPath: { path: '/' } }] },
      enforce('restricted'),
      'restricted volume types (volume "v" uses restricted volume type "hostPath"), runAsUser=0 (pod must not set runAsUser=0)',
    ],
  ];
  rows.push(
    [
      'baseline, SELinux of several',
      {
        securityContext: { seLinuxOptions: { type: 'foo' } },
        initContainers: [{ name: 'i', image: 'x', securityContext: { seLinuxOptions: { type: 'bar' } } }],
        containers: [
          { name: 'a', image: 'x', securityContext: { seLinuxOptions: { user: 'u' } } },
          { name: 'b', image: 'x', securityContext: { seLinuxOptions: { role: 'r' } } },
          { name: 'c', image: 'x', securityContext: { seLinuxOptions: { type: 'container_engine_t' } } },
        ],
      },
      enforce('baseline'),
      'seLinuxOptions (pod and containers "i", "a", "b" set forbidden securityContext.seLinuxOptions: types "bar", "foo"; user may not be set; role may not be set)',
    ],
    [
      'baseline of an older version, SELinux',
      { containers: [{ name: 'c', image: 'x', securityContext: { seLinuxOptions: { type: 'container_engine_t' } } }] },
      enforce('baseline', { 'pod-security.kubernetes.io/enforce-version': 'v1.30' }),
      'seLinuxOptions (container "c" set forbidden securityContext.seLinuxOptions: type "container_engine_t")',
    ],
    [
      'baseline, AppArmor',
      {
        securityContext: { appArmorProfile: { type: 'Unconfined' } },
        containers: [{ name: 'a', image: 'x', securityContext: { appArmorProfile: { type: 'Unconfined' } } }],
      },
      enforce('baseline'),
      'forbidden AppArmor profile (pod and container "a" must not set AppArmor profile type to "Unconfined")',
    ],
    [
      'baseline, ports in the order of their text',
      { containers: [{ name: 'a', image: 'x', ports: [9, 80, 443].map((port) => ({ containerPort: port, hostPort: port })) }] },
      enforce('baseline'),
      'hostPort (container "a" uses hostPorts 443, 80, 9)',
    ],
    [
      'restricted, what breaks the baseline comes first',
      { hostPID: true, containers: [{ name: 'a', image: 'x', securityContext: { ...tight.containers[0]?.securityContext, allowPrivilegeEscalation: true } }] },
      enforce('restricted'),
      'host namespaces (hostPID=true), allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    ],
    [
      'restricted, a pod that says root though its containers do not',
      {
        securityContext: { ...tight.securityContext, runAsNonRoot: false, runAsUser: 0 },
        containers: [{ ...tight.containers[0], securityContext: { ...tight.containers[0]?.securityContext, runAsNonRoot: true, runAsUser: 7 } }],
      },
      enforce('restricted'),
      'runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false), runAsUser=0 (pod must not set runAsUser=0)',
    ],
  );
  const proc = {
    hostUsers: false,
    containers: [{ ...tight.containers[0], securityContext: { ...tight.containers[0]?.securityContext, procMount: 'Unmasked' } }],
  };
  const noProc = 'procMount (container "a" must not set securityContext.procMount to "Unmasked")';
  rows.push(
    ['baseline, all of /proc in a user namespace', proc, enforce('baseline'), undefined],
    ['restricted, all of /proc in a user namespace', { ...tight, ...proc }, enforce('restricted'), noProc],
    [
      'baseline, probes elsewhere are told by the names of the containers',
      { containers: ['b', 'a'].map((name) => ({ name, image: 'x', livenessProbe: { httpGet: { host: name, port: 1 } } })) },
      enforce('baseline'),
      'probe or lifecycle host (containers "a", "b" use probe or lifecycle hosts "a", "b")',
    ],
  );
  for (const [what, spec, objects, why] of rows) {
    test(what, async () => {
      const version = what.includes('older') ? 'v1.30' : 'latest';
      const level = what.split(/[, ]/)[0];
      assert.equal(
        await refusal(podSecurity(), { resource: pods, object: pod(spec), objects: objects as [] }),
        why === undefined ? undefined : `pods "web" is forbidden: violates PodSecurity "${level}:${version}": ${why}`,
      );
    });
  }

  test('AppArmor by annotations', async () => {
    const annotations = { 'container.apparmor.security.beta.kubernetes.io/b': 'unconfined', 'container.apparmor.security.beta.kubernetes.io/a': 'localhost/x' };
    assert.equal(
      await refusal(podSecurity(), { resource: pods, object: pod({}, { annotations }), objects: enforce('baseline') as [] }),
      'pods "web" is forbidden: violates PodSecurity "baseline:latest": forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/b=\\"unconfined\\"")',
    );
  });

  test('versions before 1.19 knew seccomp by annotations only', async () => {
    const annotations = { 'seccomp.security.alpha.kubernetes.io/pod': 'unconfined', 'container.seccomp.security.alpha.kubernetes.io/a': 'docker/default' };
    const spec = { securityContext: { seccompProfile: { type: 'Unconfined' } } };
    const at = (version: string) => enforce('baseline', { 'pod-security.kubernetes.io/enforce-version': version }) as [];
    assert.equal(
      await refusal(podSecurity(), { resource: pods, object: pod(spec, { annotations }), objects: at('v1.18') }),
      'pods "web" is forbidden: violates PodSecurity "baseline:v1.18": seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined")',
    );
    assert.equal(await refusal(podSecurity(), { resource: pods, object: pod(spec), objects: at('v1.18') }), undefined);
    assert.match((await refusal(podSecurity(), { resource: pods, object: pod(spec), objects: at('v1.19') })) ?? '', /seccompProfile \(pod must not set/);
  });

  test('whoever enforces a level and says no more is warned by it', async () => {
    const warnings = async (labels: Readonly<Record<string, string>>): Promise<readonly string[]> => {
      const named = Object.fromEntries(Object.entries(labels).map(([key, value]) => [`pod-security.kubernetes.io/${key}`, value]));
      const request = requestOf({
        resource: deployments,
        object: { metadata: { name: 'd' }, spec: { template: pod({ hostPID: true }) } },
        objects: [space(named)],
      });
      await run(podSecurity(), request);
      return request.warnings;
    };
    const would = (level: string) => [`would violate PodSecurity "${level}": host namespaces (hostPID=true)`];
    assert.deepEqual(await warnings({ enforce: 'baseline' }), would('baseline:latest'));
    assert.deepEqual(await warnings({ enforce: 'baseline', 'enforce-version': 'v1.30' }), would('baseline:v1.30'));
    assert.deepEqual(await warnings({ enforce: 'baseline', 'enforce-version': 'v1.30', 'warn-version': 'v1.29' }), would('baseline:v1.29'));
    assert.deepEqual(await warnings({ enforce: 'baseline', warn: 'privileged' }), []);
    assert.deepEqual(await warnings({ enforce: 'nonsense' }), []);
    assert.deepEqual(await warnings({ warn: 'nonsense' }), []);
  });

  test('a level to audit by that means nothing audits nothing', async () => {
    const request = requestOf({
      resource: pods,
      object: pod({ hostPID: true }),
      objects: [space({ 'pod-security.kubernetes.io/audit': 'x', 'pod-security.kubernetes.io/warn': 'y' })],
    });
    await run(podSecurity(), request);
    assert.deepEqual(request.annotations, {
      'pod-security.kubernetes.io/enforce-policy': 'privileged:latest',
      'pod-security.kubernetes.io/error':
        'Failed to parse policy: [metadata.labels[pod-security.kubernetes.io/audit]: Invalid value: "x": must be one of privileged, baseline, restricted, metadata.labels[pod-security.kubernetes.io/warn]: Invalid value: "y": must be one of privileged, baseline, restricted]',
    });
  });

  test('whoever is refused is not warned as well, and the audit log has all of it', async () => {
    const labels = { 'pod-security.kubernetes.io/warn': 'restricted', 'pod-security.kubernetes.io/audit': 'restricted' };
    const request = requestOf({ resource: pods, object: pod({ hostPID: true }), objects: enforce('baseline', labels) as [] });
    assert.match(String(await run(podSecurity(), request)), /violates PodSecurity "baseline:latest": host namespaces \(hostPID=true\)$/);
    assert.deepEqual(request.warnings, []);
    assert.equal(request.annotations['pod-security.kubernetes.io/enforce-policy'], 'baseline:latest');
    assert.match(request.annotations['pod-security.kubernetes.io/audit-violations'] ?? '', /^would violate PodSecurity "restricted:latest": host namespaces/);
  });

  test('a pod from before the level was tightened may stay and change, but not its images', async () => {
    const update = (image: string, labels: object) =>
      refusal(podSecurity(), {
        operation: 'UPDATE',
        resource: pods,
        name: 'web',
        object: pod({ hostPID: true, containers: [{ name: 'a', image }] }, { labels }),
        old: pod({ hostPID: true }),
        objects: enforce('baseline') as [],
      });
    assert.equal(await update('x', { a: 'b' }), undefined);
    assert.match((await update('y', {})) ?? '', /violates PodSecurity "baseline:latest"/);
  });

  test('who is exempt is let in, and the audit log says why', async () => {
    const plugin = podSecurity({ exempt: { namespaces: ['default'] } });
    const request = requestOf({ resource: pods, object: pod({ hostPID: true }), objects: enforce('baseline') as [] });
    assert.notEqual(typeof (await run(plugin, request)), 'string');
    assert.deepEqual(request.annotations, { 'pod-security.kubernetes.io/exempt': 'namespace' });
  });

  test('a template is only warned about', async () => {
    const request = requestOf({
      resource: deployments,
      object: { metadata: { name: 'd' }, spec: { template: pod({ hostPID: true }) } },
      objects: [space({ 'pod-security.kubernetes.io/warn': 'baseline', 'pod-security.kubernetes.io/enforce': 'baseline' })],
    });
    assert.notEqual(typeof (await run(podSecurity(), request)), 'string');
    assert.deepEqual(request.warnings, ['would violate PodSecurity "baseline:latest": host namespaces (hostPID=true)']);
  });

  test('labels that mean nothing', async () => {
    assert.equal(
      await refusal(podSecurity(), {
        resource: namespaces,
        object: { metadata: { name: 'x', labels: { 'pod-security.kubernetes.io/enforce': 'strict', 'pod-security.kubernetes.io/warn-version': '1.2' } } },
      }),
      'Namespace "x" is invalid: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted, metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "1.2": must be "latest" or "v1.x"]',
    );
  });

  test('tightening a namespace tells what stands in it', async () => {
    const object = { metadata: { name: 'shop', labels: { 'pod-security.kubernetes.io/enforce': 'baseline' } } };
    const objects = ['web-1', 'web-2', 'db'].map((name) =>
      stored(pods, name, { spec: { containers: [], ...(name === 'db' ? { hostIPC: true, hostPID: true } : { hostNetwork: true }) } }, 'shop'),
    );
    const request = requestOf({ operation: 'UPDATE', resource: namespaces, name: 'shop', object, old: { metadata: { name: 'shop' } }, objects });
    await run(podSecurity(), request);
    assert.deepEqual(request.warnings, [
      'existing pods in namespace "shop" violate the new PodSecurity enforce level "baseline:latest"',
      'db (and 2 other pods): host namespaces',
    ]);
  });

  test('labels on an exempt namespace are told to be without effect', async () => {
    const labels = { 'pod-security.kubernetes.io/enforce': 'baseline', 'pod-security.kubernetes.io/audit': 'restricted' };
    const plugin = podSecurity({ exempt: { namespaces: ['shop'] } });
    for (const old of [undefined, { metadata: { name: 'shop' } }]) {
      const object = { metadata: { name: 'shop', labels } };
      const request = requestOf({
        operation: old === undefined ? 'CREATE' : 'UPDATE',
        resource: namespaces,
        name: 'shop',
        object,
        ...(old === undefined ? {} : { old }),
      });
      await run(plugin, request);
      assert.deepEqual(request.warnings, [
        'namespace "shop" is exempt from Pod Security, and the policy (enforce=baseline:latest, audit=restricted:latest) will be ignored',
      ]);
    }
  });

  test('of many pods one of each controller is looked at first, and what was not looked at is told', async () => {
    const owned = (name: string, uid: string, spec: object = {}) =>
      stored(pods, name, { metadata: { ownerReferences: [{ uid, controller: true }] }, spec: { containers: [], ...spec } }, 'shop');
    const objects = [
      ...Array.from({ length: 3000 }, (_, at) => owned(`a-${String(at).padStart(4, '0')}`, 'a', { hostNetwork: true })),
      owned('b', 'b', { hostNetwork: true, containers: [{ name: 'c', image: 'x', securityContext: { privileged: true } }] }),
      owned('c', 'c', { hostPID: true, runtimeClassName: 'free' }),
    ];
    const object = { metadata: { name: 'shop', labels: { 'pod-security.kubernetes.io/enforce': 'baseline' } } };
    const request = requestOf({ operation: 'UPDATE', resource: namespaces, name: 'shop', object, old: { metadata: { name: 'shop' } }, objects });
    await run(podSecurity({ exempt: { runtimeClasses: ['free'] } }), request);
    assert.deepEqual(request.warnings, [
      'new PodSecurity enforce level only checked against the first 3000 of 3001 existing pods',
      'existing pods in namespace "shop" violate the new PodSecurity enforce level "baseline:latest"',
      'a-0000 (and 2998 other pods): host namespaces',
      'b: host namespaces, privileged',
    ]);
  });
});
