/** Everyday kubectl, the machine's and the distribution's, against real containers. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { get } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Berth, DISTRIBUTION_KUBECTL, KUBECTL, type Result, run, until } from './berth.ts';

const WEB = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, labels: { app: web } }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          image: busybox:1.36
          command: ["sh", "-c", "echo started; mkdir -p /www; hostname > /www/index.html; exec httpd -f -p 8080 -h /www"]
          ports: [{ name: http, containerPort: 8080 }]
          readinessProbe: { httpGet: { path: /, port: http }, periodSeconds: 1, timeoutSeconds: 20 }
`;

const TOOL = `
apiVersion: v1
kind: Pod
metadata: { name: tool, labels: { app: tool } }
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - { name: main, image: busybox:1.36, command: ["sh", "-c", "i=0; while true; do echo line $i; i=$((i+1)); sleep 0.2; done"] }
    - { name: quiet, image: busybox:1.36, command: ["sleep", "infinity"] }
    - { name: greeter, image: busybox:1.36, command: ["nc", "-ll", "-p", "2222", "-e", "echo", "welcome"] }
`;

describe('kubectl', () => {
  let berth: Berth;
  let old: (args: readonly string[], stdin?: string) => Promise<Result>;
  before(async () => {
    berth = await Berth.start();
    old = (args, stdin) => berth.tryKubectl(args, stdin === undefined ? {} : { stdin }, DISTRIBUTION_KUBECTL);
    await berth.apply(WEB);
    await berth.apply(TOOL);
    await berth.kubectl('rollout', 'status', 'deploy/web', '--timeout=240s');
    await berth.kubectl('wait', '--for=condition=Ready', 'pod/tool', '--timeout=240s');
  });
  after(() => berth[Symbol.asyncDispose]());

  const output = async (...args: string[]): Promise<string> => (await berth.kubectl(...args)).trim();

  it('get: table, wide, yaml, json, name, jsonpath, custom columns, labels, selectors, sorting', async () => {
    assert.match(await output('get', 'deploy'), /NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +2\/2 +2 +2/);
    assert.match(await output('get', 'pods', '-o', 'wide'), /NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES\n/);
    assert.match(await output('get', 'deploy', 'web', '-o', 'yaml'), /^apiVersion: apps\/v1\nkind: Deployment\n/);
    const list = JSON.parse(await output('get', 'pods', '-o', 'json')) as { readonly kind: string; readonly items: readonly { readonly kind: string }[] };
    assert.equal(list.kind, 'List');
    assert.equal(list.items[0]?.kind, 'Pod');
    assert.equal(await output('get', 'pod', 'tool', '-o', 'name'), 'pod/tool');
    assert.equal(await output('get', 'pod', 'tool', '-o', 'jsonpath={.spec.containers[*].name}'), 'main quiet greeter');
    assert.match(
      await output('get', 'pods', '-o', 'custom-columns=N:.metadata.name,P:.status.phase', '--sort-by=.metadata.name'),
      /^N +P\ntool +Running\nweb-/,
    );
    assert.match(await output('get', 'pods', '--show-labels', '-l', 'app in (tool),!x'), /tool .*app=tool$/);
    assert.equal(await output('get', 'pods', '--field-selector=metadata.name=tool', '-o', 'name'), 'pod/tool');
    assert.match(await output('get', 'all', '-A'), /deployment\.apps\/web/);
    assert.match((await berth.tryKubectl(['get', 'pod', 'nobody'])).stderr, /^Error from server \(NotFound\): pods "nobody" not found/);
  });

  it('describe: a pod with its events, a node with what it holds', async () => {
    assert.match(await output('describe', 'pod', 'tool'), /Successfully assigned default\/tool to /);
    assert.match(await output('describe', 'node'), /Non-terminated Pods: +\(3 in total\)/);
    assert.match(await output('describe', 'deploy', 'web'), /StrategyType: +RollingUpdate/);
  });

  it('create, apply, diff, replace, edit, patch in three kinds, delete with cascade', async () => {
    assert.equal(await output('create', 'configmap', 'made', '--from-literal=a=1'), 'configmap/made created');
    assert.match((await berth.tryKubectl(['create', 'configmap', 'made'])).stderr, /configmaps "made" already exists/);
    assert.match(
      (await berth.tryKubectl(['create', 'configmap', 'foreign', '--as=jane'])).stderr,
      /configmaps is forbidden: User "jane" cannot create resource "configmaps" in API group "" in the namespace "default"/,
    );
    await berth.apply('apiVersion: v1\nkind: ConfigMap\nmetadata: { name: applied }\ndata: { a: "1", b: "2" }\n');
    const next = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: applied }\ndata: { a: "3" }\n';
    const diff = await berth.tryKubectl(['diff', '-f', '-'], { stdin: next });
    assert.equal(diff.code, 1, diff.stderr);
    assert.match(diff.stdout, /-  b: "2"/);
    assert.equal(await berth.apply(next), 'configmap/applied configured\n');
    assert.equal(await output('get', 'cm', 'applied', '-o', 'jsonpath={.data}'), '{"a":"3"}');
    const replaced = await berth.tryKubectl(['replace', '-f', '-'], { stdin: next.replace('"3"', '"4"') });
    assert.equal(replaced.stdout, 'configmap/applied replaced\n');
    const edited = await berth.tryKubectl(['edit', 'cm', 'applied'], { env: { KUBE_EDITOR: 'sed -i /a:/s/4/5/' } });
    assert.equal(edited.stdout, 'configmap/applied edited\n', edited.stderr);
    await berth.kubectl('patch', 'cm', 'applied', '--type=merge', '-p', '{"data":{"m":"1"}}');
    await berth.kubectl('patch', 'cm', 'applied', '--type=json', '-p', '[{"op":"add","path":"/data/j","value":"1"}]');
    await berth.kubectl('patch', 'deploy', 'web', '-p', '{"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"name":"X","value":"1"}]}]}}}}');
    assert.equal(
      await output('get', 'deploy', 'web', '-o', 'jsonpath={.spec.template.spec.containers[0].image} {.spec.template.spec.containers[0].env[0].value}'),
      'busybox:1.36 1',
    );
    assert.equal(await output('get', 'cm', 'applied', '-o', 'jsonpath={.data}'), '{"a":"5","j":"1","m":"1"}');
    await berth.kubectl('rollout', 'status', 'deploy/web', '--timeout=240s');

    await berth.kubectl('create', 'deployment', 'short', '--image=busybox:1.36', '--', 'sh', '-c', 'trap exit TERM; while true; do sleep 1 & wait $!; done');
    const sets = (): Promise<string> => output('get', 'rs', '-l', 'app=short', '-o', 'name');
    await until(sets, (text) => text !== '', 'the set is there');
    await berth.kubectl('delete', 'deploy', 'short', '--cascade=orphan');
    assert.notEqual(await sets(), '', 'an orphan stays');
    await berth.kubectl('delete', 'rs', '-l', 'app=short', '--cascade=foreground', '--timeout=240s');
    assert.equal(await output('get', 'pods', '-l', 'app=short', '-o', 'name'), '', 'in the foreground the pods go first');
    await berth.kubectl('delete', 'cm', 'made', 'applied');
  });

  it('server-side apply: owners, a conflict that names them, and force', async () => {
    const manifest = (value: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: owned }\ndata: { a: "${value}" }\n`;
    const apply = (value: string, ...more: string[]): Promise<Result> =>
      berth.tryKubectl(['apply', '--server-side', '-f', '-', ...more], { stdin: manifest(value) });
    assert.equal((await apply('1')).code, 0);
    const refused = await apply('2', '--field-manager=other');
    assert.match(refused.stderr, /Apply failed with 1 conflict: conflict with "kubectl": \.data\.a/);
    assert.equal((await apply('2', '--field-manager=other', '--force-conflicts')).code, 0);
    assert.equal(await output('get', 'cm', 'owned', '-o', 'jsonpath={.data.a}'), '2');
  });

  it('label, annotate, scale, rollout status, history, undo, restart, pause', async () => {
    await berth.kubectl('label', 'pod', 'tool', 'tier=a');
    assert.match((await berth.tryKubectl(['label', 'pod', 'tool', 'tier=b'])).stderr, /already has a value/);
    await berth.kubectl('label', 'pod', 'tool', 'tier-');
    await berth.kubectl('annotate', 'deploy', 'web', 'note=x');
    await berth.kubectl('scale', 'deploy/web', '--replicas=3');
    await berth.kubectl('rollout', 'status', 'deploy/web', '--timeout=240s');
    assert.equal(await output('get', 'deploy', 'web', '-o', 'jsonpath={.status.readyReplicas}'), '3');
    await berth.kubectl('set', 'env', 'deploy/web', 'Y=2');
    await berth.kubectl('rollout', 'status', 'deploy/web', '--timeout=240s');
    const before = (await output('rollout', 'history', 'deploy/web')).split('\n').length;
    await berth.kubectl('rollout', 'undo', 'deploy/web');
    await berth.kubectl('rollout', 'status', 'deploy/web', '--timeout=240s');
    assert.equal(await output('get', 'deploy', 'web', '-o', 'jsonpath={.spec.template.spec.containers[0].env[*].name}'), 'X');
    assert.equal((await output('rollout', 'history', 'deploy/web')).split('\n').length, before, 'the revision that came back has moved');
    const pods = await output('get', 'pods', '-l', 'app=web', '-o', 'name');
    await berth.kubectl('rollout', 'restart', 'deploy/web');
    await berth.kubectl('rollout', 'status', 'deploy/web', '--timeout=240s');
    assert.notEqual(await output('get', 'pods', '-l', 'app=web', '-o', 'name'), pods);
    await berth.kubectl('rollout', 'pause', 'deploy/web');
    await berth.kubectl('rollout', 'resume', 'deploy/web');
    await berth.kubectl('scale', 'deploy/web', '--replicas=2');
    await until(
      async () => (await output('get', 'pods', '-l', 'app=web', '-o', 'name')).split('\n').length,
      (left) => left === 2,
      'the third has gone',
    );
  });

  it('logs: all, tail, since, follow, of a container, of the one before', async () => {
    assert.match(await output('logs', 'tool', '-c', 'main', '--tail=2'), /^line \d+\nline \d+$/);
    assert.match(await output('logs', 'tool', '-c', 'main', '--timestamps', '--tail=1'), /^\d{4}-\d\d-\d\dT[\d:.]+Z line/);
    await until(
      async () => Number((await output('logs', 'tool', '-c', 'main', '--tail=1')).slice(5)),
      (n) => n > 10,
      'ten lines are written',
    );
    const oneSecondAgo = Date.now() - 1_000;
    const [recent = ''] = (await output('logs', 'tool', '-c', 'main', '--since=1s', '--timestamps')).split('\n');
    assert.ok(Date.parse(recent.split(' ')[0] ?? '') >= oneSecondAgo, `${recent} was written before ${new Date(oneSecondAgo).toISOString()}`);
    assert.match(
      (await berth.tryKubectl(['logs', 'tool'])).stderr + (await output('logs', 'tool', '-c', 'main', '--limit-bytes=6')),
      /Defaulted container "main"|line 0/,
    );
    const following = spawn(KUBECTL, ['logs', '-f', 'tool', '-c', 'main', '--tail=1'], {
      env: { ...process.env, KUBECONFIG: berth.kubeconfig, HOME: berth.directory },
    });
    let heard = '';
    following.stdout.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    await until(
      async () => heard.split('\n').length,
      (lines) => lines > 5,
      'lines follow',
    );
    following.kill();
    await berth.apply(
      'apiVersion: v1\nkind: Pod\nmetadata: { name: crash }\nspec: { containers: [{ name: c, image: "busybox:1.36", command: ["sh", "-c", "echo attempt; exit 3"] }] }\n',
    );
    await until(
      () => output('get', 'pod', 'crash', '-o', 'jsonpath={.status.containerStatuses[0].restartCount}'),
      (count) => Number(count) > 0,
      'it is started again',
    );
    assert.equal(await output('logs', 'crash', '--previous'), 'attempt');
    await until(
      () => output('get', 'pod', 'crash'),
      (text) => /CrashLoopBackOff|Error/.test(text),
      'it is held back',
    );
    await berth.kubectl('delete', 'pod', 'crash', '--grace-period=1');
  });

  for (const [name, kubectl] of [
    ["the machine's", KUBECTL],
    ["the distribution's", DISTRIBUTION_KUBECTL],
  ] as const) {
    it(`exec, attach, cp, port-forward with ${name} kubectl`, async () => {
      if (!existsSync(kubectl)) assert.fail(`${kubectl} is not there: run npm test once, which fetches it`);
      const call = (args: readonly string[], stdin?: string): Promise<Result> => berth.tryKubectl(args, stdin === undefined ? {} : { stdin }, kubectl);
      const cat = await call(['exec', '-i', 'tool', '-c', 'quiet', '--', 'cat'], 'one\ntwo\n');
      assert.deepEqual([cat.code, cat.stdout], [0, 'one\ntwo\n'], cat.stderr);
      const failing = await call(['exec', 'tool', '-c', 'quiet', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7']);
      assert.deepEqual([failing.code, failing.stdout], [7, 'out\n']);
      assert.match(failing.stderr, /^err\n/);
      const big = 'x'.repeat(1_000_000);
      assert.equal((await call(['exec', '-i', 'tool', '-c', 'quiet', '--', 'wc', '-c'], big)).stdout.trim(), '1000000');
      const terminal = await run('script', ['-qec', `${kubectl} exec -it tool -c quiet -- sh -c 'tty; stty size'`, '/dev/null'], {
        env: { KUBECONFIG: berth.kubeconfig, HOME: berth.directory },
      });
      assert.match(terminal.stdout, /\/dev\/pts\/\d/);

      const place = mkdtempSync(join(berth.directory, 'copy-'));
      writeFileSync(join(place, 'file'), big);
      const into = await call(['cp', join(place, 'file'), 'tool:/tmp/file', '-c', 'quiet']);
      assert.equal(into.code, 0, into.stderr);
      const out = await call(['cp', 'tool:/tmp/file', join(place, 'back'), '-c', 'quiet']);
      assert.equal(out.code, 0, out.stderr);
      assert.equal(readFileSync(join(place, 'back'), 'utf8'), big);

      const pod = await output('get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[0].metadata.name}');
      await forwarded(kubectl, `pod/${pod}`, 8080, async (port) => {
        for (let i = 0; i < 3; i++) assert.equal(await fetchText(port), `${pod}\n`);
      });
      // A server that speaks first: its words arrive.
      await forwarded(kubectl, 'pod/tool', 2222, async (port) => {
        for (let i = 0; i < 10; i++) assert.equal(await firstLine(port), 'welcome\n');
      });
    });
  }

  async function forwarded(kubectl: string, pod: string, port: number, use: (localPort: number) => Promise<void>): Promise<void> {
    const forward = spawn(kubectl, ['port-forward', pod, `:${port}`], { env: { ...process.env, KUBECONFIG: berth.kubeconfig, HOME: berth.directory } });
    let said = '';
    forward.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    forward.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    try {
      const text = await until(
        async () => said,
        (words) => /127\.0\.0\.1:(\d+)/.test(words),
        'a port is forwarded',
      );
      await use(Number(/127\.0\.0\.1:(\d+)/.exec(text)?.[1]));
    } finally {
      forward.kill();
    }
  }

  it('attach: what the container says arrives', async () => {
    const attached = spawn(KUBECTL, ['attach', 'tool', '-c', 'main'], { env: { ...process.env, KUBECONFIG: berth.kubeconfig, HOME: berth.directory } });
    let heard = '';
    attached.stdout.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    try {
      await until(
        async () => heard,
        (text) => /line \d+\n/.test(text),
        'lines arrive',
      );
    } finally {
      attached.kill();
    }
  });

  it('wait, explain, api-resources, api-versions, auth can-i, top', async () => {
    // kubectl waits for a jsonpath only since 1.23.
    const ready = await berth.tryKubectl(['wait', '--for=jsonpath={.status.readyReplicas}=2', 'deploy/web', '--timeout=240s']);
    assert.match(ready.stdout + ready.stderr, /condition met|unrecognized condition/);
    await berth.kubectl('wait', '--for=condition=Available', 'deploy/web', '--timeout=240s');
    assert.match(await output('explain', 'persistentvolumeclaim.spec.accessModes'), /FIELD: +accessModes <\[\]string>/);
    // What set-up took from packages; without them a field is explained by its type.
    assert.match(
      await output('explain', 'deployment'),
      /DESCRIPTION:\n +Deployment enables declarative updates[\s\S]*spec\t<[\s\S]*Specification of the desired/,
    );
    assert.match(await output('explain', 'pvc.spec.resources'), /resources represents the minimum resources[\s\S]*limits\t<map\[string\][\s\S]*requests\t/);
    assert.match(await output('explain', 'pod.spec.containers', '--recursive'), /\n +livenessProbe\t<\S+>\n +exec\t<\S+>\n +command\t<\[\]string>\n/);
    if (KUBECTL !== DISTRIBUTION_KUBECTL)
      assert.match(await output('explain', 'pvc.spec.resources', '--output=plaintext-openapiv2'), /resources represents the minimum resources/);
    assert.match(await output('api-resources'), /persistentvolumeclaims +pvc +v1 +true +PersistentVolumeClaim/);
    assert.match(await output('api-resources', '--namespaced=false', '-o', 'name'), /storageclasses\.storage\.k8s\.io/);
    assert.ok((await output('api-versions')).split('\n').includes('apps/v1'));
    assert.equal(await output('auth', 'can-i', 'delete', 'nodes'), 'yes');
    assert.equal((await berth.tryKubectl(['auth', 'can-i', 'delete', 'nodes', '--as=jane'])).stdout, 'no\n');
    assert.match((await berth.tryKubectl(['top', 'pods'])).stderr, /Metrics API not available/);
    assert.match(await output('version', '-o', 'json'), /"gitVersion": "v1\.36\.0/);
  });

  it('get --watch: tells of a change as it happens', async () => {
    const watching = spawn(KUBECTL, ['get', 'cm', '--watch', '-o', 'name'], { env: { ...process.env, KUBECONFIG: berth.kubeconfig, HOME: berth.directory } });
    let heard = '';
    watching.stdout.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    try {
      await until(
        async () => heard,
        (text) => /kube-root-ca/.test(text),
        'the list comes first',
      );
      await berth.kubectl('create', 'cm', 'seen');
      await until(
        async () => heard,
        (text) => /configmap\/seen/.test(text),
        'the new one is told of',
      );
    } finally {
      watching.kill();
    }
    await berth.kubectl('delete', 'cm', 'seen');
  });

  it("the distribution's kubectl 1.20 does the daily verbs", async () => {
    assert.match((await old(['version', '--short'])).stdout, /Server Version: v1\.36\.0/);
    assert.match((await old(['get', 'pods', '-o', 'wide'])).stdout, /tool +3\/3 +Running/);
    assert.match((await old(['describe', 'deploy', 'web'])).stdout, /2 desired \| 2 updated/);
    const applied = await old(['apply', '-f', '-'], 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: old }\ndata: { a: "1" }\n');
    assert.equal(applied.stdout, 'configmap/old created\n', applied.stderr);
    assert.match((await old(['create', 'deployment', 'older', '--image=busybox:1.36'])).stdout, /created/);
    assert.match(
      (await old(['explain', 'pod.spec'])).stdout,
      /RESOURCE: spec <Object>[\s\S]*Specification of the desired[\s\S]*containers\t<\[\]Object> -required-\n +List of containers/,
    );
    assert.match((await old(['explain', 'pvc.spec.resources', '--recursive'])).stdout, /limits\t<map\[string\]string>\n/);
    assert.match((await old(['logs', 'tool', '-c', 'main', '--tail=1'])).stdout, /^(?:line \d+\n){1,2}$/);
    assert.match((await old(['delete', 'deploy/older', 'cm/old'])).stdout, /deleted/);
  });
});

/** What a server says unasked, up to its first line's end. */
function firstLine(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('\n')) socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
  });
}

function fetchText(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/' }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve(text));
    }).on('error', reject);
  });
}
