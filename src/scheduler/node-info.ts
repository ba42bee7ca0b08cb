import type { Node } from '../api/gen/types/core.v1.ts';
import { addAmounts, type Amounts, amountsOf } from '../api/core/pod.rules.ts';
import type { Labels } from '../machinery/labels.ts';
import type { Stored } from '../machinery/object.ts';
import type { PodInfo } from './pod-info.ts';

/** A node and the pods on it, assumed ones included. A value: `with` and `without` give another. */
export class NodeInfo {
  readonly node: Stored<Node>;
  readonly name: string;
  readonly labels: Labels;
  readonly pods: readonly PodInfo[];
  readonly allocatable: Amounts;
  readonly requested: Amounts;
  readonly scored: Amounts;
  #claims: ReadonlySet<string> | undefined;

  constructor(node: Stored<Node>, pods: readonly PodInfo[], allocatable: Amounts = amountsOf(node.status?.allocatable)) {
    this.node = node;
    this.name = node.metadata.name;
    this.labels = node.metadata.labels ?? {};
    this.pods = pods;
    this.allocatable = allocatable;
    const requested = new Map<string, number>();
    const scored = new Map<string, number>();
    for (const pod of pods) {
      addAmounts(requested, pod.requests);
      addAmounts(scored, pod.scored);
    }
    this.requested = requested;
    this.scored = scored;
  }

  /** Claims that pods on the node use, `namespace/name`. */
  get claims(): ReadonlySet<string> {
    this.#claims ??= new Set(this.pods.flatMap(({ claims }) => claims));
    return this.#claims;
  }

  with(more: readonly PodInfo[]): NodeInfo {
    return more.length === 0 ? this : new NodeInfo(this.node, [...this.pods, ...more], this.allocatable);
  }

  without(fewer: ReadonlySet<PodInfo>): NodeInfo {
    return fewer.size === 0
      ? this
      : new NodeInfo(
          this.node,
          this.pods.filter((pod) => !fewer.has(pod)),
          this.allocatable,
        );
  }
}
