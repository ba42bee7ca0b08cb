/** Clients that others wrote, against a real cluster: the JavaScript client, the distribution's Python client, curl for what clients hide. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import {
  CoreV1Api,
  Exec,
  KubeConfig,
  KubernetesObjectApi,
  Log,
  makeInformer,
  PatchStrategy,
  PortForward,
  setHeaderOptions,
  type V1ConfigMap,
  type V1Status,
} from '@kubernetes/client-node';
import { Berth, type Result, run, until } from './berth.ts';

const PYTHON_CLIENT = '/usr/lib/python3/dist-packages/kubernetes/__init__.py';
const SPEAKER = `
apiVersion: v1
kind: Pod
metadata: { name: speaker }
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: web
      image: busybox:1.36
      command: ["sh", "-c", "echo one; echo two; echo three; mkdir -p /www; echo hello > /www/index.html; exec httpd -f -p 8080 -h /www"]
      readinessProbe: { httpGet: { path: /, port: 8080 }, periodSeconds: 1, timeoutSeconds: 20 }
`;

describe('clients that others wrote', () => {
  let berth: Berth;
  let config: KubeConfig;
  let core: CoreV1Api;
  before(async () => {
    berth = await Berth.start();
    await berth.apply(SPEAKER);
    await berth.kubectl('wait', '--for=condition=Ready', 'pod/speaker', '--timeout=240s');
    config = new KubeConfig();
    config.loadFromFile(berth.kubeconfig);
    core = config.makeApiClient(CoreV1Api);
    const { clusters, users } = config;
    const pem = (name: string, data: string | undefined): void =>
      writeFileSync(join(berth.directory, name), Buffer.from(data ?? '', 'base64'), { mode: 0o600 });
    pem('ca.pem', clusters[0]?.caData);
    pem('client.pem', users[0]?.certData);
    pem('client-key.pem', users[0]?.keyData);
  });
  after(() => berth[Symbol.asyncDispose]());

  describe('@kubernetes/client-node', () => {
    it('creates, reads, patches in every way, applies and deletes', async () => {
      const namespace = 'default';
      await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'js', labels: { by: 'js' } }, data: { a: '1' } } });
      const patch = (body: unknown, type: PatchStrategy, more: object = {}) =>
        core.patchNamespacedConfigMap({ name: 'js', namespace, body, ...more }, setHeaderOptions('Content-Type', type));
      await patch([{ op: 'add', path: '/data/b', value: '2' }], PatchStrategy.JsonPatch);
      await patch({ data: { c: '3' } }, PatchStrategy.MergePatch);
      await patch({ data: { d: '4' } }, PatchStrategy.StrategicMergePatch);
      const applied = await patch({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'js' }, data: { e: '5' } }, PatchStrategy.ServerSideApply, {
        fieldManager: 'js-apply',
      });
      assert.deepEqual(applied.data, { a: '1', b: '2', c: '3', d: '4', e: '5' });
      assert.ok(applied.metadata?.managedFields?.some(({ manager, operation }) => manager === 'js-apply' && operation === 'Apply'));
      assert.ok(applied.metadata?.creationTimestamp instanceof Date);
      const { items } = await core.listNamespacedConfigMap({ namespace, labelSelector: 'by=js' });
      assert.deepEqual(
        items.map(({ metadata }) => metadata?.name),
        ['js'],
      );
      await core.deleteNamespacedConfigMap({ name: 'js', namespace });
      await assert.rejects(core.readNamespacedConfigMap({ name: 'js', namespace }), (thrown: unknown) => (thrown as { readonly code?: number }).code === 404);
    });

    it('handles objects of any kind by their apiVersion and kind', async () => {
      const objects = KubernetesObjectApi.makeApiClient(config);
      const spec = { apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: 'any', namespace: 'default' } };
      await objects.create({
        ...spec,
        spec: {
          schedule: '0 0 1 1 *',
          jobTemplate: { spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'busybox:1.36' }] } } } },
        },
      } as typeof spec);
      await objects.patch({ ...spec, spec: { suspend: true } } as typeof spec, undefined, undefined, 'js', undefined, PatchStrategy.MergePatch);
      const read = (await objects.read(spec)) as { readonly spec?: { readonly suspend?: boolean } };
      assert.equal(read.spec?.suspend, true);
      await objects.delete(spec);
    });

    it('informers see what was there, what comes, what changes and what goes', async () => {
      const namespace = 'default';
      const write = (name: string, v: string): Promise<V1ConfigMap> =>
        core.createNamespacedConfigMap({ namespace, body: { metadata: { name, labels: { seen: 'yes' } }, data: { v } } });
      await write('before', '0');
      const informer = makeInformer<V1ConfigMap>(
        config,
        `/api/v1/namespaces/${namespace}/configmaps`,
        () => core.listNamespacedConfigMap({ namespace, labelSelector: 'seen=yes' }),
        'seen=yes',
      );
      const heard: string[] = [];
      for (const verb of ['add', 'update', 'delete'] as const) informer.on(verb, ({ metadata, data }) => heard.push(`${verb} ${metadata?.name} ${data?.v}`));
      await informer.start();
      try {
        await write('after', '1');
        await core.patchNamespacedConfigMap(
          { name: 'after', namespace, body: { data: { v: '2' } } },
          setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
        );
        await core.deleteNamespacedConfigMap({ name: 'before', namespace });
        await until(
          async () => heard,
          ({ length }) => length >= 4,
          'the informer is told',
        );
        assert.deepEqual(heard, ['add before 0', 'add after 1', 'update after 2', 'delete before 0']);
        assert.deepEqual(
          informer.list().map(({ metadata }) => metadata?.name),
          ['after'],
        );
      } finally {
        await informer.stop();
        await core.deleteNamespacedConfigMap({ name: 'after', namespace });
      }
    });

    it('exec: output, input and exit code', async () => {
      const [stdout, stderr] = [new PassThrough(), new PassThrough()];
      const said = Promise.all([text(stdout), text(stderr)]);
      const status = await new Promise<V1Status>((resolve, reject) => {
        new Exec(config)
          .exec(
            'default',
            'speaker',
            'web',
            ['sh', '-c', 'read line; echo "got $line"; echo wrong >&2; exit 3'],
            stdout,
            stderr,
            Readable.from(['words\n']),
            false,
            resolve,
          )
          .catch(reject);
      });
      stdout.end();
      stderr.end();
      assert.deepEqual(await said, ['got words\n', 'wrong\n']);
      assert.equal(status.status, 'Failure');
      assert.deepEqual(
        status.details?.causes?.map(({ reason, message }) => `${reason} ${message}`),
        ['ExitCode 3'],
      );
    });

    it('logs, the last lines and all', async () => {
      const log = async (options: object): Promise<string> => {
        const into = new PassThrough();
        const said = text(into);
        await new Log(config).log('default', 'speaker', 'web', into, options);
        return said;
      };
      assert.equal(await log({ tailLines: 2 }), 'two\nthree\n');
      assert.equal(await log({}), 'one\ntwo\nthree\n');
    });

    it('port-forward', async () => {
      const forward = new PortForward(config);
      const server = createServer((socket) => {
        socket.on('error', () => {});
        void forward.portForward('default', 'speaker', [8080], socket, null, socket).catch(() => socket.destroy());
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      try {
        const { port } = server.address() as { readonly port: number };
        const body = await new Promise<string>((resolve, reject) => {
          request({ host: '127.0.0.1', port, path: '/', agent: false }, (answer) => resolve(text(answer)))
            .on('error', reject)
            .end();
        });
        assert.equal(body, 'hello\n');
      } finally {
        server.close();
      }
    });
  });

  it("the distribution's Python client: lists, watches, creates, patches, replaces, scales", async () => {
    if (process.getuid?.() === 0 && existsSync('/etc/debian_version')) assert.ok(existsSync(PYTHON_CLIENT), 'set-up installs python3-kubernetes');
    const { code, stdout, stderr } = await run('/usr/bin/python3', ['-W', 'ignore', join(import.meta.dirname, 'clients.py'), berth.kubeconfig]);
    assert.equal(code, 0, stderr);
    const { nodes, classes, ...seen } = JSON.parse(stdout) as { readonly nodes: number; readonly classes: number };
    assert.ok(nodes === 1 && classes > 0);
    assert.deepEqual(seen, {
      version: '1',
      data: { a: '1', b: '2', c: '3' },
      stale: [409, 'Conflict'],
      selected: ['m'],
      chunked: 2,
      events: ['MODIFIED', 'MODIFIED', 'MODIFIED', 'DELETED'],
      replicas: 2,
      custom: ['d'],
    });
  });

  describe('curl, for what clients hide', () => {
    const curl = (path: string, ...args: string[]): Promise<Result> => {
      const of = (name: string): string => join(berth.directory, name);
      const server = config.getCurrentCluster()?.server ?? '';
      return run('curl', [
        '-sS',
        '--max-time',
        '120',
        '--cacert',
        of('ca.pem'),
        '--cert',
        of('client.pem'),
        '--key',
        of('client-key.pem'),
        ...args,
        `${server}${path}`,
      ]);
    };
    const POD = '/api/v1/namespaces/default/pods/speaker';
    const out = async (path: string, ...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await curl(path, ...args);
      assert.equal(code, 0, stderr);
      return stdout;
    };

    it('HTTP/2 and HTTP/1.1', async () => {
      assert.equal(await out('/version', '-o', '/dev/null', '-w', '%{http_version} %{http_code}', '--http2'), '2 200');
      assert.equal(await out('/version', '-o', '/dev/null', '-w', '%{http_version} %{http_code}', '--http1.1'), '1.1 200');
    });

    it('HEAD has the headers of GET and no body, where it is served', async () => {
      assert.match(await out('/apis', '-I'), /^HTTP\/2 200[\s\S]*content-type: application\/json/i);
      assert.match(await out(POD, '-I'), /^HTTP\/2 405/i);
    });

    it('gzip for long answers, when asked for', async () => {
      const path = '/openapi/v2';
      const plain = JSON.parse(await out(path)) as object;
      assert.match(await out(path, '-H', 'accept-encoding: gzip', '-o', '/dev/null', '-D', '-'), /content-encoding: gzip/i);
      assert.deepEqual(JSON.parse(await out(path, '--compressed')), plain);
    });

    it('pretty, by parameter and for curl itself', async () => {
      assert.match(await out(`${POD}?pretty=true`), /^\{\n +"/);
      assert.doesNotMatch(await out(`${POD}?pretty=false`), /\n +"/);
    });

    it('protobuf when asked for, JSON when the kind can do no other', async () => {
      const file = join(berth.directory, 'pod.pb');
      assert.equal(
        await out(POD, '-H', 'accept: application/vnd.kubernetes.protobuf', '-o', file, '-w', '%{content_type}'),
        'application/vnd.kubernetes.protobuf',
      );
      assert.deepEqual([...readFileSync(file).subarray(0, 4)], [0x6b, 0x38, 0x73, 0]);
      assert.equal(await out(POD, '-H', 'accept: text/csv', '-o', '/dev/null', '-w', '%{http_code}'), '406');
    });

    it('Table and PartialObjectMetadata', async () => {
      const table = JSON.parse(await out('/api/v1/namespaces/default/pods', '-H', 'accept: application/json;as=Table;v=v1;g=meta.k8s.io')) as {
        readonly kind: string;
        readonly rows: readonly { readonly cells: readonly unknown[] }[];
      };
      assert.equal(table.kind, 'Table');
      assert.deepEqual(table.rows[0]?.cells.slice(0, 3), ['speaker', '1/1', 'Running']);
      const partial = JSON.parse(await out(POD, '-H', 'accept: application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io')) as object;
      assert.deepEqual(Object.keys(partial).toSorted(), ['apiVersion', 'kind', 'metadata']);
    });

    it('aggregated discovery with an ETag: 304 when nothing has changed', async () => {
      const accept = 'accept: application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
      const head = await out('/apis', '-H', accept, '-o', '/dev/null', '-D', '-');
      const etag = /^etag: (.*?)\r?$/im.exec(head)?.[1] ?? '';
      assert.notEqual(etag, '');
      assert.match(head, /content-type: application\/json;g=apidiscovery\.k8s\.io;v=v2;as=APIGroupDiscoveryList/i);
      assert.equal(await out('/apis', '-H', accept, '-H', `if-none-match: ${etag}`, '-o', '/dev/null', '-w', '%{http_code}'), '304');
    });

    it('who brings no certificate is anonymous and refused', async () => {
      const { stdout } = await run('curl', ['-sS', '--cacert', join(berth.directory, 'ca.pem'), `${config.getCurrentCluster()?.server}/api/v1/pods`]);
      assert.match(stdout, /pods is forbidden: User \\"system:anonymous\\" cannot list resource \\"pods\\"/);
    });
  });
});
