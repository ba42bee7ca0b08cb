import type { PodOnNode } from './pod-lookup.ts';
import type { Sample } from './statistics.ts';

/** Counts of what runs, under the kubelet's own names. */
export function formatMetrics(pods: readonly PodOnNode[], nodeName: string): string {
  const containers = pods.flatMap((pod) => pod.containers);
  const states = {
    running: containers.filter(({ current }) => current?.running === true).length,
    exited: containers.filter(({ current }) => current?.running === false).length,
  };
  return [
    ...family('kubelet_running_pods', 'gauge', 'Number of pods that have a running pod sandbox', [
      ['', pods.filter(({ sandboxId }) => sandboxId !== undefined).length],
    ]),
    ...family(
      'kubelet_running_containers',
      'gauge',
      'Number of containers',
      Object.entries(states).map(([state, count]) => [label({ container_state: state }), count]),
    ),
    ...family('kubelet_node_name', 'gauge', "The node's name. The count is always 1.", [[label({ node: nodeName }), 1]]),
  ].join('');
}

/** What metrics-server reads: `/metrics/resource`. */
export function formatResourceMetrics({ atMs, node, pods }: Sample): string {
  const of = (value: (container: Sample['pods'][number]['containers'][number]) => number): [string, number][] =>
    pods.flatMap(({ pod, containers }) =>
      containers.map((container): [string, number] => [label({ container: container.name, namespace: pod.namespace, pod: pod.name }), value(container)]),
    );
  const ofPods = (value: (container: Sample['pods'][number]['containers'][number]) => number): [string, number][] =>
    pods.map(({ pod, containers }): [string, number] => [
      label({ namespace: pod.namespace, pod: pod.name }),
      containers.reduce((total, each) => total + value(each), 0),
    ]);
  const cpu = (each: Sample['pods'][number]['containers'][number]): number => each.stats.cpuUsageNanos / 1e9;
  const memory = (each: Sample['pods'][number]['containers'][number]): number => each.stats.memoryWorkingSetBytes;
  return [
    ...family('container_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the container in core-seconds', of(cpu), atMs),
    ...family('container_memory_working_set_bytes', 'gauge', 'Current working set of the container in bytes', of(memory), atMs),
    ...family('node_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the node in core-seconds', [['', node.cpuNanos / 1e9]], atMs),
    ...family('node_memory_working_set_bytes', 'gauge', 'Current working set of the node in bytes', [['', node.memoryWorkingSetBytes]], atMs),
    ...family('pod_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the pod in core-seconds', ofPods(cpu), atMs),
    ...family('pod_memory_working_set_bytes', 'gauge', 'Current working set of the pod in bytes', ofPods(memory), atMs),
    ...family('resource_scrape_error', 'gauge', '1 if there was an error while getting container metrics, 0 otherwise', [['', 0]]),
  ].join('');
}

function family(
  name: string,
  type: 'gauge' | 'counter',
  help: string,
  values: readonly (readonly [labels: string, value: number])[],
  atMs?: number,
): readonly string[] {
  const stamp = atMs === undefined ? '' : ` ${Math.round(atMs)}`;
  return [`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`, ...values.map(([labels, value]) => `${name}${labels} ${value}${stamp}\n`)];
}

function label(pairs: Readonly<Record<string, string>>): string {
  return `{${Object.entries(pairs)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(',')}}`;
}
