import type { Registry as PromRegistry } from 'prom-client';
import type { RawResponse, Route } from '../stages.ts';
import type { Sample } from './histogram.ts';
import { DURATION_BUCKETS, type RequestMetrics } from './request-metrics.ts';

/** A figure that is looked up when it is asked for. */
export interface Gauge {
  readonly name: string;
  readonly help: string;
  /** Default: gauge. */
  readonly type?: 'counter' | 'gauge' | 'histogram' | undefined;
  readonly values: () => readonly Sample[];
}

/** `/metrics`, under Kubernetes' own names. The library is loaded by the first one who asks. */
export const metricsRoute = (requests: RequestMetrics, gauges: readonly Gauge[]): Route => figuresRoute('/metrics', () => openRegistry(requests, gauges));

/** `/metrics/slis`: what a service level is measured by (KEP-3466). */
export const sliRoute = (gauges: readonly Gauge[]): Route => figuresRoute('/metrics/slis', () => openGauges(gauges));

function figuresRoute(path: string, open: () => Promise<PromRegistry>): Route {
  let registry: Promise<PromRegistry> | undefined;
  const handle = async (): Promise<RawResponse> => {
    registry ??= open();
    const opened = await registry;
    return { code: 200, headers: { 'content-type': opened.contentType }, body: await opened.metrics() };
  };
  return { match: 'exact', path, handle };
}

type Value = { readonly value: number; readonly labels: Record<string, string | number>; readonly metricName?: string };

type Add = (name: string, help: string, type: 'counter' | 'gauge' | 'histogram', values: () => readonly Value[]) => void;

/** The registry takes whatever can say its values; its types name only its own classes. */
function addTo(registry: PromRegistry): Add {
  return (name, help, type, values) => {
    const metric = { name, help, type, aggregator: 'sum', get: async () => ({ name, help, type, aggregator: 'sum', values: values() }) };
    registry.registerMetric(metric as unknown as Parameters<PromRegistry['registerMetric']>[0]);
  };
}

function addGauges(add: Add, gauges: readonly Gauge[]): void {
  for (const { name, help, type = 'gauge', values } of gauges)
    add(name, help, type, () =>
      values().map(({ value, labels = {}, suffix }) => ({ value, labels: { ...labels }, ...(suffix === undefined ? {} : { metricName: name + suffix }) })),
    );
}

async function openGauges(gauges: readonly Gauge[]): Promise<PromRegistry> {
  const { Registry } = await import('prom-client');
  const registry = new Registry();
  addGauges(addTo(registry), gauges);
  return registry;
}

async function openRegistry(requests: RequestMetrics, gauges: readonly Gauge[]): Promise<PromRegistry> {
  const { collectDefaultMetrics } = await import('prom-client');
  const registry = await openGauges(gauges);
  collectDefaultMetrics({ register: registry });
  const add = addTo(registry);
  add(
    'apiserver_request_total',
    'Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.',
    'counter',
    () => counts(requests),
  );
  add(
    'apiserver_request_duration_seconds',
    'Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.',
    'histogram',
    () => durations(requests),
  );
  return registry;
}

function counts(requests: RequestMetrics): readonly Value[] {
  const values: Value[] = [];
  for (const { labels, codes } of requests.series()) {
    for (const [code, value] of codes) values.push({ value, labels: { ...labels, dry_run: '', component: 'apiserver', code } });
  }
  return values;
}

function durations(requests: RequestMetrics): readonly Value[] {
  const name = 'apiserver_request_duration_seconds';
  const values: Value[] = [];
  for (const { labels, buckets, seconds, timed } of requests.series()) {
    if (timed === 0) continue;
    const own = { ...labels, dry_run: '', component: 'apiserver' };
    let sum = 0;
    for (const [at, bound] of DURATION_BUCKETS.entries()) {
      sum += buckets[at] ?? 0;
      values.push({ value: sum, labels: { ...own, le: bound }, metricName: `${name}_bucket` });
    }
    values.push({ value: timed, labels: { ...own, le: '+Inf' }, metricName: `${name}_bucket` });
    values.push({ value: seconds, labels: own, metricName: `${name}_sum` }, { value: timed, labels: own, metricName: `${name}_count` });
  }
  return values;
}
