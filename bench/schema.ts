/**
 * What the write path costs per object, as JSON lines: `{"bench": "decode", "of": "2 KB pod", "us": 12.3}`. `npm run bench` shows
 * them beside JSON.parse of the same bytes in the same run.
 */
import { builtinFacts } from '../src/api/facts.ts';
import type { JsonObject, ManagedFieldsEntry } from '../src/machinery/object.ts';
import { applyPatch } from '../src/schema/apply/apply-patch.ts';
import { trackUpdate } from '../src/schema/apply/track-update.ts';
import { decode } from '../src/schema/decode.ts';
import { applyDefaults } from '../src/schema/default.ts';
import { parseJson } from '../src/schema/parse-json.ts';
import { applyStrategicMerge } from '../src/schema/strategic-merge.ts';

const TYPE = 'core.v1.Pod';
const facts = builtinFacts;

/** A pod of a Deployment as the API server stores it, less managedFields: about 2 KB. */
function pod(i: number): JsonObject {
  const container = (name: string) => ({
    name,
    image: `registry.example.com/team/${name}:1.${i % 7}.2`,
    imagePullPolicy: 'IfNotPresent',
    command: ['/bin/app', '--listen', ':8080'],
    env: [
      { name: 'POD_NAME', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } },
      { name: 'MODE', value: 'production' },
    ],
    ports: [{ containerPort: 8080, name: 'http', protocol: 'TCP' }],
    resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '500m', memory: '512Mi' } },
    livenessProbe: {
      httpGet: { path: '/healthz', port: 8080, scheme: 'HTTP' },
      periodSeconds: 10,
      failureThreshold: 3,
      successThreshold: 1,
      timeoutSeconds: 1,
    },
    volumeMounts: [
      { name: 'data', mountPath: '/data' },
      { name: 'kube-api-access', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true },
    ],
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
  });
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `web-5f6d8c9b7-${i.toString(36)}`,
      generateName: 'web-5f6d8c9b7-',
      namespace: 'default',
      labels: { app: 'web', 'pod-template-hash': '5f6d8c9b7' },
      annotations: { 'example.com/build': '4711' },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: 'web-5f6d8c9b7',
          uid: '7a1c0e9e-9f0e-4b57-a8a3-000000000001',
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      containers: [container('web')],
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      serviceAccountName: 'default',
      serviceAccount: 'default',
      securityContext: {},
      schedulerName: 'default-scheduler',
      tolerations: [
        { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
        { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
      ],
      enableServiceLinks: true,
      preemptionPolicy: 'PreemptLowerPriority',
      priority: 0,
    },
    status: {},
  };
}

function decoded(input: JsonObject): JsonObject {
  const result = decode(facts, TYPE, input);
  if (result.fault !== undefined) throw new Error(result.fault);
  return result.object;
}

const running = (base: JsonObject, i: number): JsonObject => ({
  ...base,
  status: {
    phase: 'Running',
    hostIP: '10.0.0.1',
    podIP: `10.244.0.${i % 200}`,
    podIPs: [{ ip: `10.244.0.${i % 200}` }],
    qosClass: 'Burstable',
    startTime: '2026-01-01T00:00:00Z',
    conditions: ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => ({
      type,
      status: 'True',
      lastProbeTime: null,
      lastTransitionTime: '2026-01-01T00:00:01Z',
    })),
    containerStatuses: [
      {
        name: 'web',
        image: 'x',
        imageID: 'y',
        ready: true,
        started: true,
        restartCount: 0,
        containerID: `containerd://${i}`,
        state: { running: { startedAt: '2026-01-01T00:00:01Z' } },
      },
    ],
  },
});

/** The fastest of five rounds, so that neighbours on the machine count little. */
function measure(bench: string, run: (i: number) => unknown, rounds = 5, each = 4000): void {
  for (let i = 0; i < each; i++) run(i);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < each; i++) run(i);
    best = Math.min(best, Number(process.hrtime.bigint() - start) / 1000 / each);
  }
  console.log(JSON.stringify({ bench, of: `pod of ${size} bytes`, us: Number(best.toFixed(2)) }));
}

const N = 500;
const inputs = Array.from({ length: N }, (_, i) => pod(i));
const texts = inputs.map((input) => JSON.stringify(input));
const bytes = texts.map((text) => new TextEncoder().encode(text));
const objects = inputs.map(decoded);
const size = texts[0]?.length ?? 0;
const at = <T>(list: readonly T[], i: number): T => list[i % N] as T;

const context = { facts, typeName: TYPE, apiVersion: 'v1', subresource: '', nowMs: 0 };
const created = objects.map((next) => trackUpdate({ ...context, manager: 'kube-controller-manager', live: undefined, liveManaged: [], next }));
const started = objects.map((object, i) => decoded(running(object, i)));
const ready = objects.map((live, i) =>
  trackUpdate({ ...context, manager: 'kubelet', subresource: 'status', live, liveManaged: at(created, i), next: at(started, i) }),
);
const fromText = ready.map((entries) => JSON.stringify(entries));
const patch: JsonObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'x', labels: { applied: 'yes' } },
  spec: { containers: [{ name: 'web', image: 'registry.example.com/team/web:2' }] },
};
const applied = objects.map((live, i) => applyPatch({ ...context, manager: 'me', live, liveManaged: at(created, i), patch, force: true }));

measure('JSON.parse', (i) => JSON.parse(at(texts, i)));
measure('JSON.stringify', (i) => JSON.stringify(at(objects, i)));
measure('parseJson (bytes, bounds, duplicates)', (i) => parseJson(at(bytes, i)));
measure('decode', (i) => decode(facts, TYPE, at(inputs, i)));
measure('applyDefaults', (i) => applyDefaults(facts, TYPE, at(objects, i) as never));
measure('trackUpdate: create', (i) => trackUpdate({ ...context, manager: 'kube-controller-manager', live: undefined, liveManaged: [], next: at(objects, i) }));
measure('trackUpdate: first status', (i) =>
  trackUpdate({ ...context, manager: 'kubelet', subresource: 'status', live: at(objects, i), liveManaged: at(created, i), next: at(started, i) }),
);
measure('trackUpdate: no change', (i) =>
  trackUpdate({ ...context, manager: 'kubelet', live: at(started, i), liveManaged: at(ready, i), next: at(started, i) }),
);
const labelled = started.map((object) => ({ ...object, metadata: { ...(object.metadata as JsonObject), labels: { app: 'web', touched: 'yes' } } }));
measure('trackUpdate: one label', (i) =>
  trackUpdate({ ...context, manager: 'kubectl-label', live: at(started, i), liveManaged: at(ready, i), next: at(labelled, i) }),
);
measure('trackUpdate: one label, managedFields parsed from text', (i) =>
  trackUpdate({
    ...context,
    manager: 'kubectl-label',
    live: at(started, i),
    liveManaged: JSON.parse(at(fromText, i)) as ManagedFieldsEntry[],
    next: at(labelled, i),
  }),
);
measure('applyPatch: first', (i) => applyPatch({ ...context, manager: 'me', live: at(objects, i), liveManaged: at(created, i), patch, force: true }));
measure('applyPatch: again', (i) =>
  applyPatch({ ...context, manager: 'me', live: at(applied, i).object, liveManaged: at(applied, i).managedFields, patch, force: false }),
);
measure('strategic merge: one label', (i) => applyStrategicMerge(facts, TYPE, at(objects, i), { metadata: { labels: { touched: 'yes' } } }));
