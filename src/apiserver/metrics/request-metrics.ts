import type { AuthorizeAttributes, RequestRecord } from '../stages.ts';
import { Histogram, type Series as HistogramSeries, type Sample } from './histogram.ts';
import type { Gauge } from './route.ts';

/** Kubernetes' own bounds of apiserver_request_duration_seconds. */
export const DURATION_BUCKETS: readonly number[] = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];

/** At most so many different sets of labels: what is beyond counts under `other`. */
const MOST_SERIES = 20_000;

export interface RequestLabels {
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly scope: string;
}

interface Series {
  readonly labels: RequestLabels;
  readonly codes: Map<number, number>;
  /** How many took no longer than the bound of the same index; watches are not timed. */
  readonly buckets: number[];
  seconds: number;
  timed: number;
  sizes?: HistogramSeries;
}

/** Kubernetes' own bounds of apiserver_response_sizes; only reads are measured. */
const SIZE_BUCKETS: readonly number[] = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
const SIZED: ReadonlySet<string> = new Set(['GET', 'LIST']);

/** Counts finished requests. Cheap: a lookup and a few additions each. */
export class RequestMetrics {
  readonly #series = new Map<string, Series>();
  readonly #sizes = new Histogram(SIZE_BUCKETS);
  readonly #short = { readOnly: { now: 0 }, mutating: { now: 0 } };
  readonly #longRunning = new Map<string, { readonly labels: RequestLabels; now: number }>();

  /** One that is being worked on, until the function that is returned is called. */
  begin(attributes: AuthorizeAttributes, takesLong: boolean): () => void {
    const add = takesLong && attributes.resourceRequest ? this.#long(attributes) : this.#short[READS.has(attributes.verb) ? 'readOnly' : 'mutating'];
    add.now++;
    return () => {
      add.now--;
    };
  }

  #long(attributes: AuthorizeAttributes): { now: number } {
    const labels = labelsOf(attributes, '');
    const key = keyOf(labels);
    let found = this.#longRunning.get(key);
    if (found === undefined) {
      found = { labels, now: 0 };
      // As many as there are kinds and verbs: paths that are no resources do not run long.
      this.#longRunning.set(key, found);
    }
    return found;
  }

  get gauges(): readonly Gauge[] {
    return [
      {
        name: 'apiserver_current_inflight_requests',
        help: 'Maximal number of currently used inflight request limit of this apiserver per request kind in last second.',
        values: () => Object.entries(this.#short).map(([kind, { now }]) => ({ value: now, labels: { request_kind: kind } })),
      },
      {
        name: 'apiserver_response_sizes',
        type: 'histogram',
        help: 'Response size distribution in bytes for each group, version, verb, resource, subresource, scope and component.',
        values: () => this.#sizes.samples(),
      },
      {
        name: 'apiserver_longrunning_requests',
        help: 'Gauge of all active long-running apiserver requests broken out by verb, group, version, resource, scope and component. Not all requests are tracked this way.',
        values: () => [...this.#longRunning.values()].map(({ labels, now }) => ({ value: now, labels: { ...labels, component: 'apiserver' } })),
      },
    ];
  }

  record({ attributes, method, code, elapsedMs, watch, bytes }: RequestRecord): void {
    const series = this.#find(labelsOf(attributes, method));
    series.codes.set(code, (series.codes.get(code) ?? 0) + 1);
    if (watch) return;
    const seconds = elapsedMs / 1000;
    series.seconds += seconds;
    series.timed++;
    const at = DURATION_BUCKETS.findIndex((bound) => seconds <= bound);
    if (at !== -1) series.buckets[at] = (series.buckets[at] ?? 0) + 1;
    if (bytes === undefined || !SIZED.has(series.labels.verb)) return;
    series.sizes ??= this.#sizes.series({ ...series.labels, component: 'apiserver' });
    series.sizes.observe(bytes);
  }

  /** The requested resources for which `isDeprecated` holds: 1 each, as `apiserver_requested_deprecated_apis` has it. */
  deprecated(isDeprecated: (labels: RequestLabels) => boolean): readonly Sample[] {
    const found = new Map<string, Sample>();
    for (const { labels } of this.#series.values()) {
      if (labels.resource === '' || !isDeprecated(labels)) continue;
      const { group, version, resource, subresource } = labels;
      found.set(`${group}/${version}/${resource}/${subresource}`, { value: 1, labels: { group, version, resource, subresource, removed_release: '' } });
    }
    return [...found.values()];
  }

  series(): Iterable<Readonly<Series>> {
    return this.#series.values();
  }

  #find(labels: RequestLabels): Series {
    const key = keyOf(labels);
    const found = this.#series.get(key);
    if (found !== undefined) return found;
    // Paths and methods are anybody's words: beyond the bound they all count as one.
    if (this.#series.size >= MOST_SERIES && labels !== OTHER) return this.#find(OTHER);
    const made: Series = { labels, codes: new Map(), buckets: DURATION_BUCKETS.map(() => 0), seconds: 0, timed: 0 };
    this.#series.set(key, made);
    return made;
  }
}

const READS: ReadonlySet<string> = new Set(['get', 'list', 'watch', 'head', 'options']);

function labelsOf(attributes: AuthorizeAttributes | undefined, method: string): RequestLabels {
  return {
    verb: verbOf(attributes?.verb, attributes?.subresource ?? '', method),
    group: attributes?.group ?? '',
    version: attributes?.version ?? '',
    resource: attributes?.resource ?? '',
    subresource: attributes?.resourceRequest === false ? (attributes.path.split('/')[1] ?? '') : (attributes?.subresource ?? ''),
    scope: attributes?.resourceRequest !== true ? '' : attributes.name !== '' ? 'resource' : attributes.namespace !== '' ? 'namespace' : 'cluster',
  };
}

const keyOf = ({ verb, group, version, resource, subresource, scope }: RequestLabels): string =>
  `${verb} ${group} ${version} ${resource} ${subresource} ${scope}`;

const OTHER: RequestLabels = { verb: 'other', group: '', version: '', resource: 'other', subresource: '', scope: '' };

const VERBS: Readonly<Record<string, string>> = { create: 'POST', update: 'PUT' };
const CONNECTS: ReadonlySet<string> = new Set(['exec', 'attach', 'portforward', 'proxy']);

function verbOf(verb: string | undefined, subresource: string, method: string): string {
  if (CONNECTS.has(subresource)) return 'CONNECT';
  return verb === undefined ? method : (VERBS[verb] ?? verb.toUpperCase());
}
