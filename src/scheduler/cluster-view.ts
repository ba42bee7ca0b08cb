import type { Namespace, Service } from '../api/gen/types/core.v1.ts';
import type { ReplicaSet, StatefulSet } from '../api/gen/types/apps.v1.ts';
import type { PodDisruptionBudget } from '../api/gen/types/policy.v1.ts';
import { namespaces, podDisruptionBudgets, replicaSets, services, statefulSets } from '../api/gen/resources.ts';
import type { Informers } from '../client/component.ts';
import type { Informer } from '../client/informer.ts';
import { type Labels, matchesSelector, type Selector, selectorOf, selectorOfMap } from '../machinery/labels.ts';
import type { Budget, ClusterChange } from './plugin.ts';
import type { PodInfo } from './pod-info.ts';

/** What decisions ask about namespaces, services, sets and budgets. */
export class ClusterView {
  readonly #namespaces: Informer<Namespace>;
  readonly #services: Informer<Service>;
  readonly #replicaSets: Informer<ReplicaSet>;
  readonly #statefulSets: Informer<StatefulSet>;
  readonly #budgets: Informer<PodDisruptionBudget>;

  constructor(informers: Informers) {
    this.#namespaces = informers.of(namespaces);
    this.#services = informers.of(services);
    this.#replicaSets = informers.of(replicaSets);
    this.#statefulSets = informers.of(statefulSets);
    this.#budgets = informers.of(podDisruptionBudgets);
  }

  async whenSynced(): Promise<void> {
    const all = [this.#namespaces, this.#services, this.#replicaSets, this.#statefulSets, this.#budgets];
    await Promise.all(all.map((informer) => informer.whenSynced()));
  }

  subscribe(changed: (change: ClusterChange) => void): Disposable[] {
    const namespace = (): void => changed('namespace');
    const service = (): void => changed('service');
    return [
      this.#namespaces.onChange({ added: namespace, updated: namespace }),
      this.#services.onChange({ added: service, updated: service, deleted: service }),
    ];
  }

  namespaceLabels(name: string): Labels | undefined {
    return this.#namespaces.get(name)?.metadata.labels;
  }

  groupsOf({ pod, namespace }: PodInfo): readonly Selector[] {
    const { labels, ownerReferences = [] } = pod.metadata;
    const ofServices = this.#services
      .list(namespace)
      .filter(({ spec }) => Object.keys(spec?.selector ?? {}).length > 0)
      .map(({ spec }) => selectorOfMap(spec?.selector))
      .filter((selector) => matchesSelector(selector, labels));
    const owner = ownerReferences.find(({ controller }) => controller === true);
    const set =
      owner?.kind === 'ReplicaSet'
        ? this.#replicaSets.get(owner.name, namespace)
        : owner?.kind === 'StatefulSet'
          ? this.#statefulSets.get(owner.name, namespace)
          : undefined;
    return set?.spec?.selector === undefined ? ofServices : [...ofServices, selectorOf(set.spec.selector)];
  }

  budgetsOf(namespace: string): readonly Budget[] {
    return this.#budgets.list(namespace).map(({ spec, status }) => ({ selector: selectorOf(spec?.selector), allowed: status?.disruptionsAllowed ?? 0 }));
  }
}
