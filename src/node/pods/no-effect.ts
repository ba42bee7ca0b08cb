import type { Pod } from '../../api/gen/types/core.v1.ts';
import { containersOf, spec } from './pod.ts';

/** Fields that the API takes and that this node does nothing with: each is told of by an event (law 8). Paths, sorted by place. */
export function fieldsWithoutEffect(pod: Pod): readonly string[] {
  const s = spec(pod);
  const security = s.securityContext ?? {};
  const found: string[] = [];
  const note = (set: boolean, path: string): void => {
    if (set) found.push(path);
  };
  note(s.hostUsers === false, 'spec.hostUsers');
  note((s.resourceClaims ?? []).length > 0, 'spec.resourceClaims');
  note(s.resources !== undefined, 'spec.resources');
  note(security.seLinuxOptions !== undefined, 'spec.securityContext.seLinuxOptions');
  note(confines(security.appArmorProfile), 'spec.securityContext.appArmorProfile');
  note(security.supplementalGroupsPolicy === 'Strict', 'spec.securityContext.supplementalGroupsPolicy');
  for (const { name, targetContainerName = '' } of s.ephemeralContainers ?? [])
    note(targetContainerName !== '', `spec.ephemeralContainers{${name}}.targetContainerName`);
  for (const { spec: c } of containersOf(pod)) {
    const at = `spec.containers{${c.name}}`;
    note(c.securityContext?.seLinuxOptions !== undefined, `${at}.securityContext.seLinuxOptions`);
    note(confines(c.securityContext?.appArmorProfile), `${at}.securityContext.appArmorProfile`);
    note(c.resources?.limits !== undefined && Object.hasOwn(c.resources.limits, 'ephemeral-storage'), `${at}.resources.limits.ephemeral-storage`);
    note((c.resources?.claims ?? []).length > 0, `${at}.resources.claims`);
    note(c.lifecycle?.stopSignal !== undefined, `${at}.lifecycle.stopSignal`);
    note(
      (c.volumeMounts ?? []).some((m) => m.recursiveReadOnly === 'IfPossible'),
      `${at}.volumeMounts.recursiveReadOnly`,
    );
    note(
      (c.restartPolicyRules ?? []).some((r) => r.action === 'RestartAllContainers'),
      `${at}.restartPolicyRules.action`,
    );
  }
  return found;
}

function confines(profile: { readonly type: string } | undefined): boolean {
  return profile !== undefined && profile.type !== 'Unconfined';
}
