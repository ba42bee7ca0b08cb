import type { RuntimeProbe } from '../node/runtime/probe.ts';
import { ConfigError } from './config.ts';

export type Runtime = 'containerd' | 'simulated';

export interface Chosen {
  readonly runtime: Runtime;
  /** For the user, when it is not what was asked for: one sentence. */
  readonly because?: string;
}

/**
 * Real containers where the machine can run them, else a simulated node. Never a simulated node over pods and volumes that are real:
 * it would say of what it can't see that it runs. `before`: what the cluster has run on. `probe`: absent when containers are not asked for.
 */
export function chooseRuntime(before: Runtime | undefined, probe: Pick<RuntimeProbe, 'findings'> | undefined): Chosen {
  const missing = (probe?.findings ?? []).filter(({ fatal }) => fatal).map((each) => `${each.missing} is missing (${each.consequence})`);
  if (probe !== undefined && missing.length === 0) return { runtime: 'containerd' };
  if (before === 'containerd') {
    const reason = missing.length === 0 ? 'a simulated node can not see them' : missing.join('; ');
    throw new ConfigError(`the pods and volumes of this cluster are real ones, but ${reason}; for a simulated cluster name another --data-dir`);
  }
  return {
    runtime: 'simulated',
    ...(missing.length === 0 ? {} : { because: `${missing.join('; ')}, so this cluster has a simulated node: pods only say that they run.` }),
  };
}
