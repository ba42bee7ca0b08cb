import type { Pod } from '../../api/gen/types/core.v1.ts';
import type { Container } from '../runtime/runtime.ts';
import type { ProbeOutcome } from '../probes/decide.ts';
import { type ProbeKind, Prober } from '../probes/prober.ts';
import { isStarted } from './decide.ts';
import type { NodeParts } from './parts.ts';
import { containerPath, containersOf, type PodContainer } from './pod.ts';
import { latest, type PodView, type ProbeResults } from './view.ts';

const KINDS: readonly ProbeKind[] = ['startup', 'liveness', 'readiness'];
const WORDS: Readonly<Record<ProbeKind, string>> = { startup: 'Startup', liveness: 'Liveness', readiness: 'Readiness' };

/** The probers of one pod: one for each probe of each container that runs. Results go into `results`, by container id. */
export class PodProbes implements Disposable {
  readonly results = new Map<string, ProbeResults>();
  readonly #parts: NodeParts;
  readonly #view: () => PodView;
  readonly #changed: () => void;
  readonly #probers = new Map<string, { readonly containerId: string; readonly kind: ProbeKind; readonly prober: Prober }>();

  constructor(parts: NodeParts, view: () => PodView, changed: () => void) {
    this.#parts = parts;
    this.#view = view;
    this.#changed = changed;
  }

  /** What the API knows of containers that an earlier run has started stays true until a probe says otherwise. */
  learn({ pod, containers }: Pick<PodView, 'pod' | 'containers'>): void {
    const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
    for (const { id, state } of containers) {
      const status = statuses.find((s) => s.containerID === `containerd://${id}`);
      if (state === 'running' && status !== undefined)
        this.results.set(id, { ...(status.started === true ? { startup: true } : {}), ...(status.ready ? { readiness: true } : {}) });
    }
  }

  /** Starts and ends probers so that they fit what runs. While a pod ends only its readiness is asked. */
  reconcile(view: PodView): void {
    const wanted = new Set<string>();
    for (const c of containersOf(view.pod)) {
      const container = latest(view, c.spec.name);
      if (container?.state !== 'running' || view.memory.starting === c.spec.name) continue;
      for (const kind of KINDS) {
        if (
          probeOf(c, kind) === undefined ||
          (kind === 'startup' && this.results.get(container.id)?.startup === true) ||
          (view.memory.ending !== undefined && kind !== 'readiness')
        )
          continue;
        const key = `${container.id}/${kind}`;
        wanted.add(key);
        if (!this.#probers.has(key)) this.#start(key, kind, c, container, view);
      }
    }
    for (const [key, { prober }] of this.#probers) {
      if (wanted.has(key)) continue;
      prober[Symbol.dispose]();
      this.#probers.delete(key);
    }
    const running = new Set(view.containers.filter((c) => c.state === 'running').map((c) => c.id));
    for (const id of this.results.keys()) if (!running.has(id)) this.results.delete(id);
  }

  [Symbol.dispose](): void {
    for (const { prober } of this.#probers.values()) prober[Symbol.dispose]();
    this.#probers.clear();
  }

  #start(key: string, kind: ProbeKind, c: PodContainer, container: Container, view: PodView): void {
    const probe = probeOf(c, kind);
    if (probe === undefined) return;
    const { runtime, network, clock, log, random } = this.#parts.options;
    const hostNetwork = view.pod.spec?.hostNetwork === true;
    const podIp = hostNetwork ? this.#parts.options.addresses[0] : view.sandboxes[0]?.ips[0];
    const adopted = clock.now() - container.startedAtMs > 5_000;
    const prober = new Prober({
      kind,
      probe,
      target: { runtime, network, containerId: container.id, podIp: podIp ?? '', container: c.spec },
      startedAtMs: container.startedAtMs,
      share: adopted ? random.float() : 0,
      clock,
      log,
      wanted: () => kind === 'startup' || isStarted(this.#view(), c, container),
      changed: (passed) => {
        this.results.set(container.id, { ...this.results.get(container.id), [kind]: passed });
        this.#changed();
      },
      failed: (outcome) => this.#tell(view.pod, c.spec.name, kind, outcome),
    });
    this.#probers.set(key, { containerId: container.id, kind, prober });
  }

  #tell(pod: Pod, name: string, kind: ProbeKind, { result, message }: ProbeOutcome & { readonly message: string }): void {
    const words = result === 'unknown' ? 'probe errored and resulted in unknown state' : 'probe failed';
    this.#parts.options.recorder.event(pod, 'Warning', 'Unhealthy', `${WORDS[kind]} ${words}: ${message}`, containerPath(pod, name));
  }
}

function probeOf({ spec: { startupProbe, livenessProbe, readinessProbe } }: PodContainer, kind: ProbeKind): typeof startupProbe {
  return kind === 'startup' ? startupProbe : kind === 'liveness' ? livenessProbe : readinessProbe;
}
