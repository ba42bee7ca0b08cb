import type { Container, PodSpec } from '../gen/types/core.v1.ts';

/** Whether a container that has ended runs again: by its rules, else by its policy, else by the pod's (KEP-5307). One that the spec does not know never does. */
export function runsAgain(spec: PodSpec | undefined, field: 'containers' | 'initContainers'): (name: string, exitCode: number) => boolean {
  const all = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  // One container's end may start all of them again.
  if (all.some(({ restartPolicyRules = [] }) => restartPolicyRules.some(({ action }) => action === 'RestartAllContainers'))) return () => true;
  return (name, exitCode) => {
    const container = spec?.[field]?.find((c) => c.name === name);
    return container !== undefined && (matchesRule(container, exitCode) || restarts(container.restartPolicy ?? spec?.restartPolicy, exitCode));
  };
}

function matchesRule({ restartPolicyRules = [] }: Container, exitCode: number): boolean {
  return restartPolicyRules.some(({ exitCodes }) => {
    const named = (exitCodes?.values ?? []).includes(exitCode);
    return exitCodes?.operator === 'In' ? named : exitCodes?.operator === 'NotIn' && !named;
  });
}

const restarts = (policy: string | undefined, exitCode: number): boolean => policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
