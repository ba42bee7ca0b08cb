import type { Random } from '../../base/random.ts';
import type { AdmissionPlugin } from '../stages.ts';
import { defaultStorageClass } from './default-storage-class.ts';
import { defaultTolerationSeconds } from './default-toleration-seconds.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { priority } from './priority.ts';
import { serviceAccountAdmission } from './service-account.ts';
import { storageObjectInUseProtection } from './storage-object-in-use-protection.ts';
import { taintNodesByCondition } from './taint-nodes-by-condition.ts';

export interface AdmissionOptions {
  readonly random: Random;
  /** Plugins that are on by default and shall not run, by name. */
  readonly disabled?: readonly string[];
}

/** Every plugin that is on by default, in Kubernetes' order. */
export function admissionChain({ random, disabled = [] }: AdmissionOptions): readonly AdmissionPlugin[] {
  const all: readonly AdmissionPlugin[] = [
    namespaceLifecycle,
    serviceAccountAdmission(random),
    taintNodesByCondition,
    priority,
    defaultTolerationSeconds(),
    defaultStorageClass,
    storageObjectInUseProtection,
  ];
  const unknown = disabled.find((name) => !all.some((plugin) => plugin.name === name));
  if (unknown !== undefined) throw new Error(`no admission plugin is called ${JSON.stringify(unknown)}`);
  return all.filter(({ name }) => !disabled.includes(name));
}
