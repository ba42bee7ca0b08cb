import type { Pod } from '../../api/gen/types/core.v1.ts';
import { Disposals } from '../../base/disposal.ts';
import type { Informer } from '../../client/informer.ts';
import type { Stored } from '../../machinery/object.ts';
import { GRACE_ANNOTATION } from '../containers/annotations.ts';
import { admit } from './admission.ts';
import { fieldsWithoutEffect } from './no-effect.ts';
import type { NodeParts } from './parts.ts';
import { isTerminalPhase, type PodIdentity } from './pod.ts';
import { PodWorker } from './worker.ts';

export interface PodsOptions {
  readonly parts: NodeParts;
  /** Limited to this node. */
  readonly informer: Informer<Pod>;
  readonly allocatable: () => Readonly<Record<string, string>>;
  readonly labels: () => Readonly<Record<string, string>>;
}

/** One worker for each pod of this node: those that the API has, and those that it has no more until they are gone. */
export class Pods implements AsyncDisposable {
  readonly #options: PodsOptions;
  readonly #workers = new Map<string, PodWorker>();
  readonly #ends = new Disposals();
  #started = false;

  constructor(options: PodsOptions) {
    this.#options = options;
  }

  /** `onDisk`: pods whose directories an earlier run has left. Resolves when every pod has its worker. */
  async start(onDisk: readonly PodIdentity[]): Promise<void> {
    const { informer, parts } = this.#options;
    await informer.whenSynced();
    this.#ends.use(
      informer.onChange({
        added: (pod) => this.#add(pod),
        updated: (pod) => this.#workers.get(pod.metadata.uid)?.update(pod),
        deleted: (pod) => this.#remove(pod),
      }),
    );
    for (const id of onDisk) this.#addOrphan(id);
    for (const uid of parts.runtime.podUids()) this.#addOrphan(this.#identify(uid));
    this.#started = true;
  }

  changed(podUid: string): void {
    const worker = this.#workers.get(podUid);
    if (worker !== undefined) return worker.wake();
    const { sandboxes, containers } = this.#options.parts.runtime.ofPod(podUid);
    // What the runtime made although the answer never came, of a pod that has gone since.
    if (this.#started && sandboxes.length + containers.length > 0) this.#addOrphan(this.#identify(podUid));
  }

  worker(namespace: string, name: string, uid?: string): PodWorker | undefined {
    if (uid !== undefined && uid !== '') return this.#workers.get(uid);
    // A pod that is ending and its successor may bear one name: the newer one is meant.
    const named = this.all().filter((w) => w.id.name === name && w.id.namespace === namespace);
    return named.at(-1);
  }

  all(): readonly PodWorker[] {
    return [...this.#workers.values()];
  }

  /** What runs, runs on. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const worker of this.#workers.values()) worker.stop();
    await this.#ends[Symbol.asyncDispose]();
  }

  #add(pod: Stored<Pod>): void {
    const known = this.#workers.get(pod.metadata.uid);
    if (known !== undefined) return known.update(pod);
    const refusal = this.#refusalOf(pod);
    const worker = this.#work(pod, false);
    if (refusal !== undefined) worker.fail(refusal.reason, refusal.message);
    else if (pod.status?.startTime === undefined) this.#tellNoEffect(pod);
  }

  #tellNoEffect(pod: Stored<Pod>): void {
    const fields = fieldsWithoutEffect(pod);
    if (fields.length > 0)
      this.#options.parts.options.recorder.event(pod, 'Warning', 'NoEffect', `On this node these fields have no effect: ${fields.join(', ')}`);
  }

  #remove(last: Stored<Pod>): void {
    const worker = this.#workers.get(last.metadata.uid);
    worker?.update(last);
    worker?.removed();
  }

  /** Only what has never been started here is refused. */
  #refusalOf(pod: Stored<Pod>): { readonly reason: string; readonly message: string } | undefined {
    const { parts, allocatable, labels } = this.#options;
    const begun = pod.status?.startTime !== undefined || parts.runtime.ofPod(pod.metadata.uid).containers.length > 0;
    if (begun || isTerminalPhase(pod.status?.phase) || pod.metadata.deletionTimestamp !== undefined) return undefined;
    const others = this.all()
      .filter((w) => !w.ended)
      .map((w) => w.pod);
    return admit({ pod, others, allocatable: allocatable(), labels: labels() });
  }

  #work(pod: Stored<Pod>, orphan: boolean): PodWorker {
    const worker = new PodWorker({ parts: this.#options.parts, pod, orphan, done: (uid) => void this.#workers.delete(uid) });
    this.#workers.set(worker.id.uid, worker);
    worker.wake();
    return worker;
  }

  #addOrphan(id: PodIdentity | undefined): void {
    if (id === undefined || this.#workers.has(id.uid)) return;
    this.#options.parts.options.log.info('ending a pod that was deleted meanwhile', { pod: id.name, namespace: id.namespace, uid: id.uid });
    this.#work(this.#remains(id), true).removed();
  }

  #identify(uid: string): PodIdentity | undefined {
    const { sandboxes, containers } = this.#options.parts.runtime.ofPod(uid);
    const sandbox = sandboxes[0];
    if (sandbox !== undefined) return { uid, name: sandbox.podName, namespace: sandbox.podNamespace };
    const labels = containers[0]?.labels;
    return labels === undefined ? undefined : { uid, name: labels['io.kubernetes.pod.name'] ?? uid, namespace: labels['io.kubernetes.pod.namespace'] ?? '' };
  }

  /** As much of a pod as can be told from what it left. */
  #remains({ uid, name, namespace }: PodIdentity): Stored<Pod> {
    const { containers } = this.#options.parts.runtime.ofPod(uid);
    const grace = Number(containers[0]?.annotations[GRACE_ANNOTATION] ?? 30);
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { uid, name, namespace, resourceVersion: '0' },
      spec: {
        containers: [...new Set(containers.map((c) => c.name))].map((c) => ({ name: c })),
        terminationGracePeriodSeconds: Number.isFinite(grace) ? grace : 30,
      },
    };
  }
}
