import type { HealthCheck } from '../apiserver/health/health.ts';
import type { Store } from '../store/store.ts';

/** What kube-apiserver starts after it listens; here all of it is done, or waited for, with the bootstrap objects. */
const POST_START_HOOKS = [
  'start-kube-apiserver-admission-initializer',
  'generic-apiserver-start-informers',
  'start-apiextensions-informers',
  'start-apiextensions-controllers',
  'crd-informer-synced',
  'bootstrap-controller',
  'start-system-namespaces-controller',
  'rbac/bootstrap-roles',
  'scheduling/bootstrap-system-priority-classes',
  'priority-and-fairness-config-producer',
  'start-cluster-authentication-info-controller',
  'start-kube-aggregator-informers',
  'apiservice-registration-controller',
  'apiservice-status-available-controller',
  'kube-apiserver-autoregistration',
  'apiservice-openapi-controller',
];

export interface HealthCheckOptions {
  readonly store: Pick<Store<unknown>, 'health'>;
  /** Whether the bootstrap objects are there. */
  readonly isReady: () => boolean;
  readonly more?: readonly HealthCheck[] | undefined;
}

/**
 * What the health pages ask: Kubernetes' own names, by which probes and suites exclude and look for them, each for what it stands for here,
 * and Berth's. A store that takes no writes is not ready, but lives: whoever restarted it for that would end the reads too. So `etcd`, which
 * is about reads, does not fail (they are answered from memory), and `log` does not either (nothing waits for it).
 */
export function healthChecks({ store, isReady, more = [] }: HealthCheckOptions): readonly HealthCheck[] {
  const isMade = (): string | undefined => (isReady() ? undefined : 'the first objects are still being made');
  const fine = (): undefined => undefined;
  return [
    { name: 'log', check: fine },
    { name: 'etcd', check: fine },
    { name: 'store', only: 'ready', check: () => (store.health.state === 'ok' ? undefined : store.health.cause) },
    ...more,
    { name: 'bootstrap', only: 'ready', check: isMade },
    { name: 'informer-sync', only: 'ready', check: isMade },
    ...POST_START_HOOKS.map((hook) => ({ name: `poststarthook/${hook}`, check: isMade })),
    { name: 'autoregister-completion', check: isMade },
  ];
}
