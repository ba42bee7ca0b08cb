/** How things end, and what must not change: namespaces with all that runs in them, forced deletes, finalizers, protected claims, immutable fields. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Berth, type Result, until } from './berth.ts';

const SLEEP = `["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 1 & wait $!; done"]`;

const claim = (name: string, more = ''): string => `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: ${name} }
spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 32Mi } }${more} }
---`;
const pod = (name: string, claimName: string, more = ''): string => `
apiVersion: v1
kind: Pod
metadata: { name: ${name} }
spec:
  terminationGracePeriodSeconds: 1
  containers: [{ name: c, image: "busybox:1.36", command: ${SLEEP}, volumeMounts: [{ name: v, mountPath: /data }] }]
  volumes: [{ name: v, persistentVolumeClaim: { claimName: ${claimName} } }]
${more}---`;

describe('endings', { skip: process.getuid?.() !== 0 && 'containers need root' }, () => {
  let berth: Berth;
  before(async () => {
    berth = await Berth.start(['--trash', '0']);
  });
  after(() => berth[Symbol.asyncDispose]());

  const ready = (name: string, ...more: string[]): Promise<string> => berth.kubectl('wait', '--for=condition=Ready', `pod/${name}`, '--timeout=240s', ...more);
  const apply = (manifest: string, ...more: string[]): Promise<Result> => berth.tryKubectl(['apply', '-f', '-', ...more], { stdin: manifest });
  const gone = (...what: string[]): Promise<Result> =>
    until(
      () => berth.tryKubectl(['get', ...what]),
      ({ stderr }) => /NotFound/.test(stderr),
      `${what.join(' ')} is gone`,
    );

  it('a namespace with running pods, controllers and claims goes, with its volumes', async () => {
    await berth.kubectl('create', 'namespace', 'full');
    const set = `
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: set }
spec:
  serviceName: set
  replicas: 2
  selector: { matchLabels: { app: set } }
  template:
    metadata: { labels: { app: set } }
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{ name: c, image: "busybox:1.36", command: ${SLEEP}, volumeMounts: [{ name: data, mountPath: /data }] }]
  volumeClaimTemplates: [{ metadata: { name: data }, spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 32Mi } } } }]
---`;
    const made = await apply(`${claim('one')}${pod('one', 'one')}${set}`, '-n', 'full');
    assert.equal(made.code, 0, made.stderr);
    await berth.kubectl('rollout', 'status', 'statefulset/set', '-n', 'full', '--timeout=240s');
    await ready('one', '-n', 'full');
    const { code, stderr } = await berth.tryKubectl(['delete', 'namespace', 'full', '--timeout=240s']);
    assert.equal(code, 0, `${stderr}${(await berth.tryKubectl(['get', 'ns', 'full', '-o', 'yaml'])).stdout}`);
    const late = await apply(claim('late'), '-n', 'full');
    assert.match(late.stderr, /namespaces "full" not found/);
    await until(
      () => berth.kubectl('get', 'pv', '-o', 'name'),
      (text) => text.trim() === '',
      'the volumes are gone',
    );
    await until(
      async () => readdirSync(join(berth.directory, 'pool', 'volumes')),
      (left) => left.length === 0,
      'their files are gone',
    );
    await until(
      async () => readdirSync(join(berth.directory, 'kubelet', 'pods')),
      (left) => left.length === 0,
      'the directories of its pods are gone',
    );
  });

  it('a namespace that ends takes nothing new', async () => {
    await berth.kubectl('create', 'namespace', 'ending');
    await berth.kubectl('create', 'configmap', 'stays', '-n', 'ending');
    await berth.kubectl('patch', 'configmap', 'stays', '-n', 'ending', '-p', '{"metadata":{"finalizers":["example.com/hold"]}}');
    await berth.kubectl('delete', 'namespace', 'ending', '--wait=false');
    const refused = await berth.tryKubectl(['create', 'configmap', 'late', '-n', 'ending']);
    assert.match(refused.stderr, /is forbidden: unable to create new content in namespace ending because it is being terminated/);
    await until(
      () => berth.get('namespace ending', '.status.conditions[?(@.type=="NamespaceFinalizersRemaining")].message'),
      (text) => /example\.com\/hold in 1 resource instances/.test(text),
      'it says what holds it',
    );
    await berth.kubectl('patch', 'configmap', 'stays', '-n', 'ending', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
    await gone('namespace', 'ending');
  });

  it('a claim in use is kept until its pod has gone; a finalizer of one’s own keeps an object', async () => {
    await berth.apply(claim('used') + pod('user', 'used'));
    await ready('user');
    await berth.exec('user', 'sh', '-c', 'echo here > /data/x');
    await berth.kubectl('delete', 'pvc', 'used', '--wait=false');
    assert.match(await berth.kubectl('get', 'pvc', 'used'), /Terminating/);
    assert.equal((await berth.exec('user', 'cat', '/data/x')).trim(), 'here');
    await berth.kubectl('patch', 'pod', 'user', '-p', '{"metadata":{"finalizers":["example.com/mine"]}}');
    await berth.kubectl('delete', 'pod', 'user', '--wait=false');
    await until(
      () => berth.get('pod user', '.status.phase'),
      (phase) => phase === 'Succeeded' || phase === 'Failed',
      'its containers have ended',
    );
    // As upstream: a pod that has ended no longer holds its claim, although it is still there.
    await gone('pvc', 'used');
    await berth.kubectl('patch', 'pod', 'user', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
    await gone('pod', 'user');
  });

  it('a forced delete is immediate, and the container ends all the same', async () => {
    await berth.apply(
      claim('forced') +
        pod('forced', 'forced')
          .replace('terminationGracePeriodSeconds: 1', 'terminationGracePeriodSeconds: 600')
          .replace("trap 'exit 0' TERM; ", "trap '' TERM; "),
    );
    await ready('forced');
    const uid = await berth.get('pod forced', '.metadata.uid');
    await berth.kubectl('delete', 'pod', 'forced', '--force', '--grace-period=0');
    await gone('pod', 'forced');
    await until(
      async () => readFileSync('/proc/self/mountinfo', 'utf8').includes(uid),
      (mounted) => !mounted,
      'its mounts are gone',
    );
    await until(
      async () => readdirSync(join(berth.directory, 'kubelet', 'pods')).includes(uid),
      (there) => !there,
      'its directory is gone',
    );
    await berth.kubectl('delete', 'pvc', 'forced', '--timeout=240s');
  });

  it('the same name again at once: the new pod waits for the volume, and gets its bytes', async () => {
    await berth.apply(claim('again') + pod('again', 'again'));
    await ready('again');
    await berth.exec('again', 'sh', '-c', 'echo old > /data/x; sync');
    await berth.kubectl('delete', 'pod', 'again', '--force', '--grace-period=0');
    await berth.apply(pod('again', 'again'));
    await ready('again');
    assert.equal((await berth.exec('again', 'cat', '/data/x')).trim(), 'old');
    await berth.kubectl('delete', 'pod,pvc', 'again', '--timeout=240s');
  });

  it('what can not change is refused with its field', async () => {
    await berth.apply(claim('fixed') + pod('fixed', 'fixed'));
    for (const [manifest, words] of [
      [pod('fixed', 'other'), /Forbidden: pod updates may not change fields other than/],
      [claim('fixed').replace('ReadWriteOnce', 'ReadWriteMany'), /spec: Forbidden: spec is immutable after creation/],
      [
        claim('fixed').replace('32Mi', '16Mi'),
        /spec\.resources\.requests\.storage: Forbidden: field can not be less than status\.capacity|field can not be less than previous value/,
      ],
    ] as const) {
      const { code, stderr } = await apply(manifest);
      assert.equal(code, 1);
      assert.match(stderr, words);
    }
    await berth.kubectl('delete', 'pod,pvc', 'fixed', '--timeout=240s');
  });

  it('a claim that can not be met says why', async () => {
    await berth.apply(`${claim('classless', ', storageClassName: nowhere')}${claim('many').replace('ReadWriteOnce', 'ReadWriteMany')}${pod('many', 'many')}`);
    await until(
      () => berth.kubectl('describe', 'pvc', 'classless'),
      (text) => /ProvisioningFailed.*storageclass\.storage\.k8s\.io "nowhere" not found/.test(text),
      'the class is named',
    );
    await until(
      () => berth.kubectl('describe', 'pvc', 'many'),
      (text) => /ReadWriteOnce and ReadWriteOncePod/.test(text),
      'the modes are named',
    );
    assert.match(await berth.kubectl('get', 'pod', 'many'), /Pending/);
    const why = await berth.cli(['why', 'pvc/many', '--data-dir', berth.directory]);
    assert.match(why.stdout, /ReadWriteMany|ReadWriteOnce and ReadWriteOncePod/);
    await berth.kubectl('delete', 'pod,pvc', '--all', '--timeout=240s');
  });

  it('nothing is left', async () => {
    await until(
      () => berth.kubectl('get', 'pods,pvc,pv', '-A', '-o', 'name'),
      (text) => text.trim() === '',
      'the API has none',
    );
    await until(
      async () => readdirSync(join(berth.directory, 'pool', 'volumes')),
      (left) => left.length === 0,
      'the pool has none',
    );
  });
});
