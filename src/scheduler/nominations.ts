import type { Pod } from '../api/gen/types/core.v1.ts';
import type { Stored } from '../machinery/object.ts';
import { type PodInfo, podInfo, podKey } from './pod-info.ts';

/** Pods for which room is being made: which node each was promised. */
export class Nominations {
  readonly #nodeOf = new Map<string, string>();
  readonly #byNode = new Map<string, Map<string, PodInfo>>();

  /** As the API shows it. */
  put(pod: Stored<Pod>): void {
    const node = pod.status?.nominatedNodeName ?? '';
    if (node !== '') this.promise(podInfo(pod), node);
  }

  promise(pod: PodInfo, node: string): void {
    this.remove(pod.pod);
    const key = podKey(pod.pod);
    this.#nodeOf.set(key, node);
    const promised = this.#byNode.get(node);
    if (promised === undefined) this.#byNode.set(node, new Map([[key, pod]]));
    else promised.set(key, pod);
  }

  remove(pod: Pod): void {
    const key = podKey(pod);
    const node = this.#nodeOf.get(key);
    if (node === undefined) return;
    this.#nodeOf.delete(key);
    const promised = this.#byNode.get(node);
    promised?.delete(key);
    if (promised?.size === 0) this.#byNode.delete(node);
  }

  to(node: string): readonly PodInfo[] {
    const promised = this.#byNode.get(node);
    return promised === undefined ? NOBODY : [...promised.values()];
  }
}

const NOBODY: readonly PodInfo[] = [];
