import type { Node, Pod } from '../api/gen/types/core.v1.ts';
import { isPodTerminal } from '../api/core/pod.rules.ts';
import type { Labels } from '../machinery/labels.ts';
import type { Stored } from '../machinery/object.ts';
import { NodeInfo } from './node-info.ts';
import { type PodInfo, podInfo, podKey } from './pod-info.ts';

/** Nodes and the pods on them: those that the API shows, and those that this scheduler has assumed there and is binding. */
export class Cache {
  readonly #nodes = new Map<string, Stored<Node>>();
  readonly #podsByNode = new Map<string, Map<string, PodInfo>>();
  /** Where each pod is counted. */
  readonly #placeOf = new Map<string, { readonly node: string; readonly assumed: boolean }>();
  readonly #infos = new Map<string, NodeInfo>();
  #snapshot: readonly NodeInfo[] | undefined;

  putNode(node: Stored<Node>): void {
    this.#nodes.set(node.metadata.name, node);
    this.#changed(node.metadata.name);
  }

  removeNode(name: string): void {
    this.#nodes.delete(name);
    this.#changed(name);
  }

  /** A pod as the API shows it, on a node. One that has ended takes nothing. */
  putPod(pod: Stored<Pod>): void {
    this.removePod(pod);
    const node = pod.spec?.nodeName ?? '';
    if (node !== '' && !isPodTerminal(pod)) this.#place(podInfo(pod), node, false);
  }

  removePod(pod: Pod): void {
    const key = podKey(pod);
    const place = this.#placeOf.get(key);
    if (place === undefined) return;
    this.#placeOf.delete(key);
    this.#podsByNode.get(place.node)?.delete(key);
    this.#changed(place.node);
  }

  /** It is being bound there: it counts from now on. */
  assume(pod: PodInfo, node: string): void {
    this.removePod(pod.pod);
    this.#place(pod, node, true);
  }

  /** The binding failed. What the API has shown meanwhile stays. */
  forget(pod: Pod): void {
    if (this.#placeOf.get(podKey(pod))?.assumed === true) this.removePod(pod);
  }

  nodeLabels(name: string): Labels | undefined {
    return this.#nodes.get(name)?.metadata.labels;
  }

  /** A consistent picture; the same until something changes. */
  snapshot(): readonly NodeInfo[] {
    this.#snapshot ??= [...this.#nodes.values()].map((node) => this.#info(node));
    return this.#snapshot;
  }

  #info(node: Stored<Node>): NodeInfo {
    const { name } = node.metadata;
    const known = this.#infos.get(name);
    if (known !== undefined) return known;
    const info = new NodeInfo(node, [...(this.#podsByNode.get(name)?.values() ?? [])]);
    this.#infos.set(name, info);
    return info;
  }

  #place(pod: PodInfo, node: string, assumed: boolean): void {
    const key = podKey(pod.pod);
    this.#placeOf.set(key, { node, assumed });
    const pods = this.#podsByNode.get(node);
    if (pods === undefined) this.#podsByNode.set(node, new Map([[key, pod]]));
    else pods.set(key, pod);
    this.#changed(node);
  }

  #changed(node: string): void {
    this.#infos.delete(node);
    this.#snapshot = undefined;
  }
}
