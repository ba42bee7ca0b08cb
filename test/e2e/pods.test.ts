/** What a pod says is what its containers get: volumes, hooks, probes, limits, identity, environment. One cluster, one pod a test, all at once. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { stringify } from 'yaml';
import { Berth, until } from './berth.ts';

type Fields = Readonly<Record<string, unknown>>;
const SLEEP = ['sh', '-c', "trap 'exit 0' TERM; while true; do sleep 1 & wait $!; done"];

/** A pod of one container; `c` are fields of the container, `more` of the spec. */
const pod = (name: string, c: Fields = {}, more: Fields = {}, metadata: Fields = {}): string =>
  stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...metadata },
    spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'c', image: 'busybox:1.36', command: SLEEP, ...c }], ...more },
  });
const mount = (mountPath: string, more: Fields = {}): Fields => ({ volumeMounts: [{ name: 'v', mountPath, ...more }] });
const volume = (source: Fields): Fields => ({ volumes: [{ name: 'v', ...source }] });
const script = (text: string): Fields => ({ command: ['sh', '-c', text] });

describe('what a pod says is what its containers get', { concurrency: 4 }, () => {
  let berth: Berth;
  const host = mkdtempSync('/var/tmp/berth-e2e-host-');
  before(async () => {
    berth = await Berth.start();
  });
  after(async () => {
    await berth[Symbol.asyncDispose]();
    rmSync(host, { recursive: true });
  });

  const ready = (name: string): Promise<string> => berth.kubectl('wait', '--for=condition=Ready', `pod/${name}`, '--timeout=240s');
  const start = async (name: string, ...rest: readonly Fields[]): Promise<void> => {
    await berth.apply(pod(name, ...rest));
    await ready(name);
  };
  const sh = async (name: string, text: string): Promise<string> => (await berth.exec(name, 'sh', '-c', text)).trim();
  const phase = (name: string, wanted: string): Promise<string> =>
    until(
      () => berth.get(`pod ${name}`, '.status.phase'),
      (now) => now === wanted,
      `${name} is ${wanted}`,
    );
  const event = (name: string, wanted: RegExp): Promise<string> =>
    until(
      () =>
        berth.kubectl('get', 'events', '--field-selector', `involvedObject.name=${name}`, '-o', 'jsonpath={range .items[*]}{.reason}: {.message}{"\\n"}{end}'),
      (text) => wanted.test(text),
      `an event of ${name} says ${wanted}`,
    );
  const state = (name: string, path: string): Promise<string> => berth.get(`pod ${name}`, `.status.containerStatuses[0].${path}`);
  /** For what is told by an event first, and by the status a moment later. */
  const stateIs = (name: string, path: string, wanted: string): Promise<string> =>
    until(
      () => state(name, path),
      (now) => now === wanted,
      `${path} of ${name} is ${wanted}`,
    );

  describe('volumes', { concurrency: 4 }, () => {
    it('an emptyDir beyond its limit puts the pod out, and says why', async () => {
      await start('fat', mount('/v'), volume({ emptyDir: { sizeLimit: '4Mi' } }));
      // It may be put out under the command.
      await berth.tryExec('fat', 'dd', 'if=/dev/zero', 'of=/v/x', 'bs=1M', 'count=9', 'conv=fsync');
      await until(
        () => berth.get('pod fat', '.status.phase} {.status.reason'),
        (now) => now === 'Failed Evicted',
        'it is put out',
      );
      assert.match(await berth.get('pod fat', '.status.message'), /Usage of EmptyDir volume "v" exceeds the limit "4Mi"/);
    });

    it('an emptyDir of memory is tmpfs of its size', async () => {
      await start('memory', { ...mount('/v'), resources: { limits: { memory: '64Mi' } } }, volume({ emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } }));
      assert.match(await sh('memory', 'grep " /v " /proc/mounts; df -m /v | tail -1'), /tmpfs[\s\S]* 8 /);
      assert.match(await sh('memory', 'dd if=/dev/zero of=/v/x bs=1M 2>&1 || true'), /No space left/);
    });

    it('an emptyDir is shared by the containers, outlives a restart of one, and is writable for all', async () => {
      await start(
        'shared',
        {
          ...mount('/v'),
          ...script('echo again >> /v/log; id -u > /v/uid; until [ -e /v/go ]; do sleep 0.1; done; rm /v/go; exit 1'),
          securityContext: { runAsUser: 1234 },
        },
        volume({ emptyDir: {} }),
      );
      await sh('shared', 'touch /v/go');
      await until(
        () => berth.tryExec('shared', 'cat', '/v/log'),
        (text) => text === 'again\nagain\n',
        'it is there again',
      );
      await stateIs('shared', 'lastState.terminated.exitCode', '1');
    });

    it('hostPath makes what it may make, and refuses what is not what was said', async () => {
      writeFileSync(join(host, 'file'), 'bytes');
      const on = (type: string, path: string): Fields => volume({ hostPath: { path: join(host, path), type } });
      await start('made', mount('/v'), on('DirectoryOrCreate', 'new/deep'));
      await sh('made', 'echo x > /v/x');
      assert.ok(existsSync(join(host, 'new', 'deep', 'x')));
      await start('single', mount('/v'), on('File', 'file'));
      assert.equal(await sh('single', 'cat /v'), 'bytes');
      await start('touched', mount('/v'), on('FileOrCreate', 'touched'));
      assert.ok(existsSync(join(host, 'touched')));
      await berth.apply(
        pod('absent', mount('/v'), on('Directory', 'absent')) +
          '---\n' +
          pod('wrong', mount('/v'), on('Directory', 'file')) +
          '---\n' +
          pod('socket', mount('/v'), on('Socket', 'file')),
      );
      await event('absent', /FailedMount: MountVolume.SetUp failed for volume "v" : hostPath type check failed: .*absent is not a directory/);
      await event('wrong', /hostPath type check failed: .*file is not a directory/);
      await event('socket', /hostPath type check failed: .*file is not a socket file/);
    });

    it('subPath: a part of a volume, made where it lacks; links out of the volume are not followed', async () => {
      await start(
        'part',
        {
          volumeMounts: [
            { name: 'v', mountPath: '/a', subPath: 'x/y' },
            { name: 'v', mountPath: '/b', subPathExpr: '$(WHO)/z' },
            { name: 'v', mountPath: '/all' },
          ],
          env: [{ name: 'WHO', value: 'me' }],
        },
        volume({ emptyDir: {} }),
      );
      await sh('part', 'echo 1 > /a/f; echo 2 > /b/g');
      assert.equal(await sh('part', 'cat /all/x/y/f /all/me/z/g'), '1\n2');
      symlinkSync('/etc', join(host, 'out'));
      await berth.apply(pod('escape', mount('/e', { subPath: 'out' }), volume({ hostPath: { path: host } })));
      await event('escape', /(failed to prepare subPath|CreateContainerConfigError|Failed: .*subPath)/);
      await stateIs('escape', 'state.waiting.reason', 'CreateContainerConfigError');
    });

    it('configMap, secret, projected and downward files have their modes, and follow their source', async () => {
      await berth.apply(`
apiVersion: v1
kind: ConfigMap
metadata: { name: conf }
data: { a: one, b: two }
---
apiVersion: v1
kind: Secret
metadata: { name: hidden }
stringData: { key: s3cret }
`);
      await start(
        'files',
        {
          volumeMounts: ['conf', 'secret', 'all', 'down']
            .map((name) => ({ name, mountPath: `/${name}` }))
            .concat({ name: 'conf', mountPath: '/single', subPath: 'a' } as { name: string; mountPath: string }),
        },
        {
          volumes: [
            {
              name: 'conf',
              configMap: {
                name: 'conf',
                items: [
                  { key: 'a', path: 'a' },
                  { key: 'b', path: 'deep/b', mode: 0o400 },
                ],
              },
            },
            { name: 'secret', secret: { secretName: 'hidden', defaultMode: 0o440 } },
            {
              name: 'all',
              projected: {
                sources: [
                  { configMap: { name: 'conf' } },
                  { secret: { name: 'hidden' } },
                  { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
                  { serviceAccountToken: { path: 'token', expirationSeconds: 3600, audience: 'vault' } },
                ],
              },
            },
            {
              name: 'down',
              downwardAPI: {
                items: [
                  { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
                  { path: 'limit', resourceFieldRef: { containerName: 'c', resource: 'limits.memory', divisor: '1Mi' } },
                ],
              },
            },
          ],
        },
        { labels: { tier: 'gold' } },
      );
      assert.equal(await sh('files', 'cat /conf/a /conf/deep/b /secret/key /all/a /all/key /single'), 'onetwos3cretones3cretone');
      assert.equal(await sh('files', 'stat -Lc %a /conf/a /conf/deep/b /secret/key'), '644\n400\n440');
      assert.match(await sh('files', 'cat /down/labels; echo; cat /down/limit; cat /all/labels'), /tier="gold"\n\d+tier="gold"/);
      assert.match(await sh('files', 'cut -d. -f2 /all/token | tr _- /+ | base64 -d 2>/dev/null; true'), /"aud":\["vault"\]/);
      assert.match(await sh('files', 'grep " /secret " /proc/mounts'), /tmpfs/);
      await berth.kubectl('patch', 'configmap', 'conf', '-p', '{"data":{"a":"changed"}}');
      await berth.kubectl('label', 'pod', 'files', 'tier=silver', '--overwrite');
      await until(
        () => sh('files', 'cat /conf/a /all/a; cat /down/labels'),
        (text) => text === 'changedchangedtier="silver"',
        'the files follow',
      );
      assert.equal(await sh('files', 'cat /single'), 'one', 'a subPath does not follow');
    });

    it('what a volume names but is not there holds the pod back, until it is; optional does not', async () => {
      await berth.apply(
        pod('waits', mount('/v'), volume({ configMap: { name: 'late' } })) +
          '---\n' +
          pod('optional', mount('/v'), volume({ secret: { secretName: 'never', optional: true } })),
      );
      await ready('optional');
      await event('waits', /FailedMount: MountVolume.SetUp failed for volume "v" : configmap "late" not found/);
      await berth.kubectl('create', 'configmap', 'late', '--from-literal=k=v');
      await ready('waits');
    });

    it('fsGroup owns the volume; a user without root writes to it', async () => {
      await start('group', mount('/v'), {
        ...volume({ emptyDir: {} }),
        securityContext: { runAsUser: 1000, runAsGroup: 3000, fsGroup: 2000, runAsNonRoot: true, supplementalGroups: [4000] },
      });
      assert.equal(await sh('group', 'echo x > /v/f && stat -c "%u %g" /v/f; id -G'), '1000 2000\n3000 2000 4000');
    });
  });

  describe('life', { concurrency: 4 }, () => {
    it('init containers run one after the other, and a sidecar beside all', async () => {
      const step = (name: string, text: string, more: Fields = {}): Fields => ({ name, image: 'busybox:1.36', ...script(text), ...mount('/v'), ...more });
      await start('steps', mount('/v'), {
        ...volume({ emptyDir: {} }),
        initContainers: [
          step('one', 'echo one >> /v/log'),
          step('side', 'echo side >> /v/log; trap "exit 0" TERM; while true; do sleep 0.1; done', { restartPolicy: 'Always' }),
          step('two', 'until grep side /v/log; do sleep 0.1; done; echo two >> /v/log'),
        ],
      });
      assert.equal(await sh('steps', 'cat /v/log'), 'one\nside\ntwo');
      assert.equal(await berth.get('pod steps', '.status.initContainerStatuses[*].state.terminated.reason'), 'Completed Completed');
      assert.match(await berth.kubectl('get', 'pod', 'steps'), /steps\s+2\/2\s+Running/);
    });

    it('an init container that fails holds the pod back, or ends it where it may not restart', async () => {
      const failing = { initContainers: [{ name: 'fails', image: 'busybox:1.36', ...script('exit 3') }] };
      await berth.apply(pod('held', {}, failing) + '---\n' + pod('ended', {}, { ...failing, restartPolicy: 'Never' }));
      await phase('ended', 'Failed');
      await until(
        () => berth.kubectl('get', 'pod', 'held', 'ended', '--no-headers'),
        (text) => /held +0\/1 +Init:(Error|CrashLoopBackOff)/.test(text) && /ended +0\/1 +Init:Error/.test(text),
        'kubectl shows it',
      );
    });

    it('restartPolicy: Never and OnFailure end as they should', async () => {
      await berth.apply(
        ['never:Never:0', 'nevermore:Never:7', 'onfailure:OnFailure:0']
          .map((each) => pod(each.split(':')[0] ?? '', script(`exit ${each.split(':')[2]}`), { restartPolicy: each.split(':')[1] }))
          .join('---\n'),
      );
      await Promise.all([phase('never', 'Succeeded'), phase('nevermore', 'Failed'), phase('onfailure', 'Succeeded')]);
      assert.equal(await state('nevermore', 'state.terminated.exitCode} {.status.containerStatuses[0].restartCount'), '7 0');
      await berth.apply(
        pod(
          'retry',
          { ...mount('/v'), ...script('[ -e /v/been ] && exit 0; touch /v/been; exit 1') },
          { ...volume({ emptyDir: {} }), restartPolicy: 'OnFailure' },
        ),
      );
      await phase('retry', 'Succeeded');
      assert.equal(await state('retry', 'restartCount'), '1');
    });

    it('probes: exec, http and tcp decide readiness, startup holds the others back, liveness restarts', async () => {
      const serve = script('mkdir /w; echo ok > /w/ok; httpd -f -p 8080 -h /w & wait');
      await start('http', {
        ...serve,
        ports: [{ name: 'web', containerPort: 8080 }],
        readinessProbe: { httpGet: { path: '/ok', port: 'web' }, periodSeconds: 1, timeoutSeconds: 20 },
      });
      await sh('http', 'rm /w/ok');
      await berth.kubectl('wait', '--for=condition=Ready=false', 'pod/http', '--timeout=240s');
      await event('http', /Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 404/);
      await start('tcp', { ...serve, readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1, timeoutSeconds: 20 } });
      await berth.apply(pod('closed', { readinessProbe: { tcpSocket: { port: 9 }, periodSeconds: 1, timeoutSeconds: 20 } }));
      await event('closed', /Readiness probe failed: dial tcp .*:9: connect: connection refused/);
      await start('lively', {
        ...script('touch /alive; while true; do sleep 0.2; done'),
        startupProbe: { exec: { command: ['test', '-e', '/alive'] }, periodSeconds: 1, timeoutSeconds: 20, failureThreshold: 60 },
        livenessProbe: { exec: { command: ['cat', '/alive'] }, periodSeconds: 1, timeoutSeconds: 20, failureThreshold: 1 },
      });
      await sh('lively', 'rm /alive');
      await until(
        () => state('lively', 'restartCount'),
        (n) => n === '1',
        'it is restarted',
      );
      await event('lively', /Unhealthy: Liveness probe failed: cat: can't open '\/alive'/);
      await event('lively', /Killing: Container c failed liveness probe, will be restarted/);
    });

    it('postStart and preStop run; a container that does not listen is killed when its grace is over', async () => {
      const hook = (text: string): Fields => ({ exec: { command: ['sh', '-c', text] } });
      await start(
        'hooks',
        {
          ...mount('/h'),
          command: ['sh', '-c', 'trap "echo term >> /h/log; exit 0" TERM; touch /listens; while true; do sleep 0.1; done'],
          lifecycle: {
            postStart: hook('until [ -e /listens ]; do sleep 0.1; done; echo start >> /h/log'),
            preStop: hook('echo stop >> /h/log; sleep 1; echo stopped >> /h/log'),
          },
        },
        { ...volume({ hostPath: { path: join(host, 'hooks'), type: 'DirectoryOrCreate' } }), terminationGracePeriodSeconds: 60 },
      );
      await berth.kubectl('delete', 'pod', 'hooks');
      const { readFileSync } = await import('node:fs');
      assert.equal(readFileSync(join(host, 'hooks', 'log'), 'utf8'), 'start\nstop\nstopped\nterm\n');
      await start('deaf', { command: ['sh', '-c', 'trap "" TERM; while true; do sleep 0.2; done'] }, { terminationGracePeriodSeconds: 2 });
      const began = performance.now();
      await berth.kubectl('delete', 'pod', 'deaf');
      const took = performance.now() - began;
      assert.ok(took > 1800, `it took ${took} ms`);
    });

    it('a hook that fails is told, and the container is killed', async () => {
      await berth.apply(pod('badhook', { lifecycle: { postStart: { exec: { command: ['sh', '-c', 'echo no >&2; exit 4'] } } } }));
      await event('badhook', /FailedPostStartHook/);
    });

    it('activeDeadlineSeconds ends the pod', async () => {
      await berth.apply(pod('deadline', {}, { activeDeadlineSeconds: 2 }));
      await phase('deadline', 'Failed');
      assert.equal(
        await berth.get('pod deadline', '.status.reason} {.status.message'),
        'DeadlineExceeded Pod was active on the node longer than the specified deadline',
      );
    });

    it('an image that is not there is told in Kubernetes’ words', async () => {
      await berth.apply(
        pod('noimage', { image: 'localhost:1/no/such:1' }) +
          '---\n' +
          pod('neverpull', { image: 'not.there/x:1', imagePullPolicy: 'Never' }) +
          '---\n' +
          pod('badname', { image: 'Upper:1' }),
      );
      await event('noimage', /Failed: Failed to pull image "localhost:1\/no\/such:1": /);
      await event('noimage', /Failed: Error: ErrImagePull/);
      await event('neverpull', /ErrImageNeverPull: Container image "not.there\/x:1" is not present with pull policy of Never/);
      await event(
        'badname',
        /InspectFailed: Failed to apply default image tag "Upper:1": couldn't parse image name "Upper:1": invalid reference format: repository name \(library\/Upper\) must be lowercase/,
      );
      await stateIs('badname', 'state.waiting.reason', 'InvalidImageName');
    });

    it('a command that is not there is told', async () => {
      await berth.apply(pod('nocommand', { command: ['/no/such'] }, { restartPolicy: 'Never' }));
      await phase('nocommand', 'Failed');
      assert.match(
        await state(
          'nocommand',
          'state.terminated.reason} {.status.containerStatuses[0].state.terminated.exitCode} {.status.containerStatuses[0].state.terminated.message',
        ),
        /^(StartError|ContainerCannotRun) (128|127) .*\/no\/such/,
      );
    });

    it('the last words of a container are kept', async () => {
      await berth.apply(
        pod('words', script('echo goodbye > /dev/termination-log; exit 2'), { restartPolicy: 'Never' }) +
          '---\n' +
          pod('log', { ...script('echo from the log; exit 2'), terminationMessagePolicy: 'FallbackToLogsOnError' }, { restartPolicy: 'Never' }),
      );
      await Promise.all([phase('words', 'Failed'), phase('log', 'Failed')]);
      assert.equal((await state('words', 'state.terminated.message')).trim(), 'goodbye');
      assert.equal((await state('log', 'state.terminated.message')).trim(), 'from the log');
    });
  });

  describe('limits and identity', { concurrency: 4 }, () => {
    it('more memory than the limit: OOMKilled', async () => {
      await berth.apply(
        pod('hungry', { ...script('dd if=/dev/zero of=/dev/null bs=200M count=1'), resources: { limits: { memory: '16Mi' } } }, { restartPolicy: 'Never' }),
      );
      await phase('hungry', 'Failed');
      // containerd tells of the exit first, and then why.
      await until(
        () => state('hungry', 'state.terminated.reason} {.status.containerStatuses[0].state.terminated.exitCode'),
        (text) => text === 'OOMKilled 137',
        'the cause is known',
      );
    });

    it('limits arrive in the cgroup, and the class of service follows from them', async () => {
      await start('limited', { resources: { requests: { cpu: '250m', memory: '32Mi' }, limits: { cpu: '500m', memory: '64Mi' } } });
      const limits = await sh(
        'limited',
        'cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/memory/memory.limit_in_bytes',
      );
      assert.match(limits, /^50000( 100000)?\n67108864$/);
      assert.equal(await berth.get('pod limited', '.status.qosClass'), 'Burstable');
    });

    it('environment from everywhere', async () => {
      await berth.apply(`
apiVersion: v1
kind: ConfigMap
metadata: { name: env }
data: { FROM_MAP: mapped, "not-a.name": kept }
---
apiVersion: v1
kind: Secret
metadata: { name: env }
stringData: { word: hush }
`);
      const ref = (fieldPath: string): Fields => ({ valueFrom: { fieldRef: { fieldPath } } });
      await start(
        'env',
        {
          resources: { limits: { memory: '64Mi', cpu: '1500m' } },
          envFrom: [{ configMapRef: { name: 'env' } }, { prefix: 'P_', secretRef: { name: 'env' } }, { configMapRef: { name: 'none', optional: true } }],
          env: [
            { name: 'A', value: 'a' },
            { name: 'B', value: '$(A)-$$(A)-$(NOT)' },
            { name: 'SECRET', valueFrom: { secretKeyRef: { name: 'env', key: 'word' } } },
            { name: 'LABEL', ...ref("metadata.labels['tier']") },
            { name: 'WHO', ...ref('metadata.name') },
            { name: 'WHERE', ...ref('spec.nodeName') },
            { name: 'IP', ...ref('status.podIP') },
            { name: 'MEM', valueFrom: { resourceFieldRef: { resource: 'limits.memory' } } },
            { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
          ],
          args: ['$(A)'],
        },
        {},
        { labels: { tier: 'gold' } },
      );
      const env = Object.fromEntries((await sh('env', 'env')).split('\n').map((line) => [line.split('=')[0], line.slice(line.indexOf('=') + 1)]));
      const node = await berth.get('pod env', '.spec.nodeName');
      const ip = await berth.get('pod env', '.status.podIP');
      const wanted = {
        FROM_MAP: 'mapped',
        P_word: 'hush',
        A: 'a',
        B: 'a-$(A)-$(NOT)',
        SECRET: 'hush',
        LABEL: 'gold',
        WHO: 'env',
        WHERE: node,
        IP: ip,
        MEM: '67108864',
        CPU: '2',
        KUBERNETES_SERVICE_PORT: '443',
      };
      assert.deepEqual(Object.fromEntries(Object.keys(wanted).map((key) => [key, env[key]])), wanted);
      await berth.apply(pod('noenv', { env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'env', key: 'nope' } } }] }));
      await event('noenv', /Failed: Error: couldn't find key nope in Secret default\/env/);
      await stateIs('noenv', 'state.waiting.reason', 'CreateContainerConfigError');
    });

    it('names and name servers', async () => {
      await start(
        'named',
        {},
        {
          hostname: 'web',
          subdomain: 'sub',
          dnsPolicy: 'None',
          dnsConfig: { nameservers: ['192.0.2.1'], searches: ['x.test'], options: [{ name: 'ndots', value: '2' }] },
          hostAliases: [{ ip: '192.0.2.7', hostnames: ['old.test'] }],
        },
      );
      assert.equal(await sh('named', 'hostname; cat /etc/resolv.conf'), 'web\nsearch x.test\nnameserver 192.0.2.1\noptions ndots:2');
      assert.match(await sh('named', 'cat /etc/hosts'), /web\.sub\.default\.svc\.cluster\.local\s+web[\s\S]*192\.0\.2\.7\s+old\.test/);
    });

    it('the service account speaks to the API server from inside', async () => {
      await start('account');
      const files = await sh('account', 'cd /var/run/secrets/kubernetes.io/serviceaccount && cat namespace && ls && stat -Lc %a token');
      assert.match(files, /^default ?\n?ca\.crt\nnamespace\ntoken\n644$|^defaultca\.crt\nnamespace\ntoken\n644$/);
      await start('closedmouth', {}, { automountServiceAccountToken: false });
      assert.match(await sh('closedmouth', 'ls /var/run/secrets 2>&1 || true'), /No such file/);
    });

    it('security: users, root refused, capabilities, read-only root, privileges', async () => {
      await start(
        'strict',
        {
          ...mount('/tmp'),
          securityContext: {
            runAsUser: 1000,
            runAsNonRoot: true,
            readOnlyRootFilesystem: true,
            allowPrivilegeEscalation: false,
            capabilities: { drop: ['ALL'] },
          },
        },
        volume({ emptyDir: {} }),
      );
      assert.match(
        await sh('strict', 'id -u; touch /x 2>&1; touch /tmp/x && echo tmp; grep -E "CapEff|NoNewPrivs" /proc/self/status'),
        /^1000\n.*Read-only file system\ntmp\nCapEff:\s+0+\nNoNewPrivs:\s+1$/,
      );
      await berth.apply(pod('rootless', { securityContext: { runAsNonRoot: true } }));
      await event('rootless', /Failed: Error: container has runAsNonRoot and image will run as root/);
    });
  });
});
