import { getOwn } from '../machinery/record.ts';
import type { NodeInfo } from './node-info.ts';

/** Numbers by topology: a label's key and its value on a node. */
export class TopologyCounts {
  readonly #byKey = new Map<string, Map<string, number>>();

  /** Nothing is counted for a node without the label. */
  add(key: string, node: NodeInfo, amount: number): void {
    const value = getOwn(node.labels, key);
    if (value === undefined) return;
    const values = this.#byKey.get(key) ?? new Map<string, number>();
    this.#byKey.set(key, values);
    values.set(value, (values.get(value) ?? 0) + amount);
  }

  /** Of the node's value; 0 also for a node without the label. */
  at(key: string, node: NodeInfo): number {
    const value = getOwn(node.labels, key);
    return value === undefined ? 0 : (this.#byKey.get(key)?.get(value) ?? 0);
  }

  values(key: string): ReadonlyMap<string, number> {
    return this.#byKey.get(key) ?? new Map();
  }

  get empty(): boolean {
    return this.#byKey.size === 0;
  }

  /** The sum over all keys that the node has. */
  total(node: NodeInfo): number {
    let sum = 0;
    for (const key of this.#byKey.keys()) sum += this.at(key, node);
    return sum;
  }
}
