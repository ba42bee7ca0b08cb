import type { Gauge } from '../metrics/route.ts';
import { pageNotFound } from '../handlers/target.ts';
import type { RawRequest, RawResponse, Route } from '../stages.ts';

/** One named condition of the server. Answers why it fails, or undefined. Cheap: it is asked by every probe. */
export interface HealthCheck {
  readonly name: string;
  readonly check: () => string | undefined | Promise<string | undefined>;
  /** `ready`: only `/readyz` asks it. */
  readonly only?: 'ready';
}

/** What checks came to, the last time and ever, under Kubernetes' own names. */
export class HealthFigures {
  readonly #last = new Map<string, { readonly labels: { readonly name: string; readonly type: string }; ok: boolean }>();
  readonly #counts = new Map<string, { readonly labels: { readonly name: string; readonly type: string; readonly status: string }; value: number }>();

  note(name: string, type: string, ok: boolean): void {
    this.#last.set(`${type} ${name}`, { labels: { name, type }, ok });
    const key = `${type} ${name} ${ok}`;
    const count = this.#counts.get(key);
    if (count === undefined) this.#counts.set(key, { labels: { name, type, status: ok ? 'success' : 'error' }, value: 1 });
    else count.value++;
  }

  get gauges(): readonly Gauge[] {
    return [
      {
        name: 'kubernetes_healthcheck',
        help: 'This metric records the result of a single healthcheck.',
        values: () => [...this.#last.values()].map(({ labels, ok }) => ({ value: ok ? 1 : 0, labels })),
      },
      {
        name: 'kubernetes_healthchecks_total',
        type: 'counter',
        help: 'This metric records the results of all healthcheck.',
        values: () => [...this.#counts.values()],
      },
    ];
  }
}

/** `/healthz`, `/livez`, `/readyz`, with `?verbose`, `?exclude=NAME` and a path for each check, as Kubernetes answers them. */
export function healthRoutes(checks: readonly HealthCheck[], figures = new HealthFigures()): readonly Route[] {
  const all: readonly HealthCheck[] = [{ name: 'ping', check: () => undefined }, ...checks];
  return ROOTS.map((root) => route(root, checksOf(root, all), figures));
}

const ROOTS = ['/healthz', '/livez', '/readyz'] as const;

/** `/livez/ping` …: a path for each check. */
export function healthPaths(checks: readonly HealthCheck[]): readonly string[] {
  return ROOTS.flatMap((root) => [{ name: 'ping' }, ...checksOf(root, checks)].map(({ name }) => `${root}/${name}`));
}

const checksOf = (root: (typeof ROOTS)[number], checks: readonly HealthCheck[]): readonly HealthCheck[] =>
  root === '/readyz' ? checks : checks.filter(({ only }) => only === undefined);

function route(path: string, checks: readonly HealthCheck[], figures: HealthFigures): Route {
  return { match: 'prefix', path, handle: (request) => answer(path, checks, request, figures) };
}

async function answer(path: string, checks: readonly HealthCheck[], request: RawRequest, figures: HealthFigures): Promise<RawResponse> {
  if (request.path !== path) return one(checks, request.path.slice(path.length + 1));
  const excluded = new Set(request.query.filter(([key]) => key === 'exclude').map(([, value]) => value));
  const lines: string[] = [];
  let failed = false;
  for (const each of checks) {
    if (excluded.delete(each.name)) {
      lines.push(`[+]${each.name} excluded: ok`);
      continue;
    }
    const why = await outcome(each);
    figures.note(each.name, path.slice(1), why === undefined);
    failed ||= why !== undefined;
    // Anybody may read this page; the reason is told at the check's own path, where the policy lets few.
    lines.push(why === undefined ? `[+]${each.name} ok` : `[-]${each.name} failed: reason withheld`);
  }
  if (excluded.size > 0)
    lines.push(
      `warn: some health checks cannot be excluded: no matches for ${[...excluded]
        .toSorted()
        .map((each) => JSON.stringify(each))
        .join(',')}`,
    );
  const what = path.slice(1);
  if (failed) return text(500, `${lines.join('\n')}\n${what} check failed\n`);
  return request.query.some(([key]) => key === 'verbose') ? text(200, `${lines.join('\n')}\n${what} check passed\n`) : text(200, 'ok');
}

async function one(checks: readonly HealthCheck[], name: string): Promise<RawResponse> {
  const found = checks.find((each) => each.name === name);
  if (found === undefined) return pageNotFound();
  const why = await outcome(found);
  return why === undefined ? text(200, 'ok') : text(500, `internal server error: ${why}\n`);
}

async function outcome({ check }: HealthCheck): Promise<string | undefined> {
  try {
    return await check();
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}

function text(code: number, body: string): RawResponse {
  return { code, headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' }, body };
}
