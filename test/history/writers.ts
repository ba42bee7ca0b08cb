import type { TestServer } from '../../src/apiserver/testing.ts';
import type { SeededRandom } from '../../src/base/random.ts';
import type { JsonObject } from '../../src/machinery/object.ts';
import { StatusError } from '../../src/machinery/status-error.ts';
import { COLORS, NAMES, NAMESPACES, PHASES, TIERS } from './selectors.ts';
import { shapeOf, type Truth } from './truth.ts';

const AT_ONCE = 16;
/** Another writer was there first. */
const EXPECTED: ReadonlySet<number> = new Set([404, 409]);

/** Clients that write what they like, and remember what was acknowledged. */
export class Writers {
  readonly #server: TestServer;
  readonly #random: SeededRandom;
  readonly #acknowledged = new Map<number, { readonly key: string; readonly n: string }>();
  #deleted = 0;
  #count = 0;

  constructor(server: TestServer, random: SeededRandom) {
    this.#server = server;
    this.#random = random;
  }

  async run(writes: number): Promise<void> {
    const until = this.#count + writes;
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (this.#count < until) {
          this.#count++;
          await this.#write();
          if (this.#random.float() < 0.3) await new Promise((resolve) => setImmediate(resolve));
        }
      }),
    );
  }

  /** Acknowledged and not in the truth, or there under another version. */
  faults(truth: Truth): readonly string[] {
    const faults: string[] = [];
    const byRevision = new Map(truth.changes.map((change) => [change.revision, change]));
    for (const [revision, { key, n }] of this.#acknowledged) {
      const change = byRevision.get(revision);
      if (change?.key !== key || change.after?.n !== n) faults.push(`acknowledged ${key} n=${n} @${revision}, but there is ${JSON.stringify(change)}`);
    }
    const deletions = truth.changes.filter(({ after }) => after === undefined).length;
    if (deletions !== this.#deleted) faults.push(`${this.#deleted} deletions were acknowledged, ${deletions} happened`);
    return faults;
  }

  async #write(): Promise<void> {
    const resource = this.#draw(5) < 3 ? 'configmaps' : 'pods';
    const namespace = this.#pick(NAMESPACES);
    const name = this.#pick(NAMES);
    const path = `/api/v1/namespaces/${namespace}/${resource}`;
    const what = this.#draw(10);
    const n = `n${this.#count}`;
    try {
      if (what < 3) this.#done(resource, await this.#server.ask('POST', path, this.#object(resource, name, n)));
      else if (what < 6) await this.#patch(resource, `${path}/${name}`);
      else if (what < 8 && resource === 'configmaps') this.#done(resource, await this.#server.ask('PUT', `${path}/${name}`, this.#object(resource, name, n)));
      else if (what < 8)
        this.#done(
          resource,
          await this.#server.ask('PATCH', `${path}/${name}/status`, { status: { phase: this.#pick(PHASES) } }, { contentType: 'application/merge-patch+json' }),
        );
      else {
        await this.#server.ask('DELETE', `${path}/${name}`, { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 0 });
        this.#deleted++;
      }
    } catch (thrown) {
      if (!(thrown instanceof StatusError) || !EXPECTED.has(thrown.code)) throw thrown;
    }
  }

  async #patch(resource: string, path: string): Promise<void> {
    const labels: JsonObject = { color: this.#pick([...COLORS, null]), tier: this.#pick([...TIERS, null]) };
    this.#done(resource, await this.#server.ask('PATCH', path, { metadata: { labels } }, { contentType: 'application/merge-patch+json' }));
  }

  /** A write that changed nothing answers with the version that it found: that is not a second acknowledgement of other content. */
  #done(resource: string, { body }: { readonly body: JsonObject }): void {
    const { name, namespace, n } = shapeOf(body);
    this.#acknowledged.set(Number((body.metadata as JsonObject).resourceVersion), { key: `${resource}/${namespace}/${name}`, n });
  }

  #object(resource: string, name: string, n: string): JsonObject {
    const labels: Record<string, string> = {};
    if (this.#draw(4) > 0) labels.color = this.#pick(COLORS);
    if (this.#draw(3) > 0) labels.tier = this.#pick(TIERS);
    if (resource === 'configmaps') return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels }, data: { n } };
    return { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels }, spec: { hostname: n, containers: [{ name: 'c', image: 'i' }] } };
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#draw(from.length)] as T;
  }

  #draw(below: number): number {
    return Math.floor(this.#random.float() * below);
  }
}
