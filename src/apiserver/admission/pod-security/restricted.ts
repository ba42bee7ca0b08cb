import type { Volume } from '../../../api/gen/types/core.v1.ts';
import { procMountViolation } from './baseline.ts';
import { type Check, containersNamed, namesWhere, plural, quoted, violation } from './check.ts';

const VOLUME_TYPES: ReadonlySet<string> = new Set([
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
  'image',
]);

/** From these versions on a check looks away from pods of Windows, which has none of this. */
const WINDOWS_SINCE = 25;

/** The level "restricted" of the Pod Security Standards, on top of "baseline". */
export const RESTRICTED_CHECKS: readonly Check[] = [
  {
    id: 'allowPrivilegeEscalation',
    level: 'restricted',
    since: 8,
    check: ({ spec }, minor) => {
      if (minor >= WINDOWS_SINCE && spec.os?.name === 'windows') return undefined;
      const names = namesWhere(spec, ({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false);
      return violation(
        'allowPrivilegeEscalation != false',
        names.length === 0 ? [] : [`${containersNamed(names)} must set securityContext.allowPrivilegeEscalation=false`],
      );
    },
  },
  {
    id: 'capabilities_restricted',
    level: 'restricted',
    since: 22,
    replaces: ['capabilities_baseline'],
    check: ({ spec }, minor) => {
      if (minor >= WINDOWS_SINCE && spec.os?.name === 'windows') return undefined;
      const added = new Set<string>();
      const keeps = namesWhere(spec, ({ securityContext }) => !(securityContext?.capabilities?.drop ?? []).includes('ALL'));
      const adds = namesWhere(spec, ({ securityContext }) => {
        const wrong = (securityContext?.capabilities?.add ?? []).filter((capability) => capability !== 'NET_BIND_SERVICE');
        for (const capability of wrong) added.add(capability);
        return wrong.length > 0;
      });
      const details: string[] = [];
      if (keeps.length > 0) details.push(`${containersNamed(keeps)} must set securityContext.capabilities.drop=["ALL"]`);
      if (adds.length > 0) details.push(`${containersNamed(adds)} must not include ${quoted([...added].sort())} in securityContext.capabilities.add`);
      return violation('unrestricted capabilities', details, '; ');
    },
  },
  {
    id: 'procMount_restricted',
    level: 'restricted',
    // From here on the baseline looks away from pods in a user namespace.
    since: 35,
    replaces: ['procMount'],
    check: procMountViolation,
  },
  {
    id: 'restrictedVolumes',
    level: 'restricted',
    since: 0,
    replaces: ['hostPathVolumes'],
    check: ({ spec }) => {
      const wrong = (spec.volumes ?? []).map((volume) => [volume.name, typeOf(volume)] as const).filter(([, type]) => !VOLUME_TYPES.has(type));
      const names = wrong.map(([name]) => name);
      const types = [...new Set(wrong.map(([, type]) => type))].sort();
      return violation(
        'restricted volume types',
        names.length === 0
          ? []
          : [`${plural('volume', names)} ${quoted(names)} ${names.length === 1 ? 'uses' : 'use'} restricted volume ${plural('type', types)} ${quoted(types)}`],
      );
    },
  },
  {
    id: 'runAsNonRoot',
    level: 'restricted',
    since: 0,
    check: ({ spec }, minor) => {
      if (spec.hostUsers === false && minor >= 35) return undefined;
      const pod = spec.securityContext?.runAsNonRoot;
      const says = namesWhere(spec, ({ securityContext }) => securityContext?.runAsNonRoot === false);
      const silent = namesWhere(spec, ({ securityContext }) => (securityContext?.runAsNonRoot ?? undefined) === undefined);
      const wrong: string[] = [];
      if (pod === false) wrong.push('pod');
      if (says.length > 0) wrong.push(containersNamed(says));
      if (wrong.length > 0) return violation('runAsNonRoot != true', [`${wrong.join(' and ')} must not set securityContext.runAsNonRoot=false`]);
      if (pod === true || silent.length === 0) return undefined;
      return violation('runAsNonRoot != true', [`pod or ${containersNamed(silent)} must set securityContext.runAsNonRoot=true`]);
    },
  },
  {
    id: 'runAsUser',
    level: 'restricted',
    since: 23,
    check: ({ spec }, minor) => {
      if (spec.hostUsers === false && minor >= 35) return undefined;
      const wrong: string[] = [];
      if (spec.securityContext?.runAsUser === 0) wrong.push('pod');
      const names = namesWhere(spec, ({ securityContext }) => securityContext?.runAsUser === 0);
      if (names.length > 0) wrong.push(containersNamed(names));
      return violation('runAsUser=0', wrong.length === 0 ? [] : [`${wrong.join(' and ')} must not set runAsUser=0`]);
    },
  },
  {
    id: 'seccompProfile_restricted',
    level: 'restricted',
    since: 19,
    replaces: ['seccompProfile_baseline'],
    check: ({ spec }, minor) => {
      if (minor >= WINDOWS_SINCE && spec.os?.name === 'windows') return undefined;
      const good = (type: string | undefined): boolean => type === 'RuntimeDefault' || type === 'Localhost';
      const pod = spec.securityContext?.seccompProfile?.type;
      const bad: string[] = [];
      if (pod !== undefined && !good(pod)) bad.push('pod');
      const explicit = namesWhere(spec, ({ securityContext }) => {
        const type = securityContext?.seccompProfile?.type;
        return type !== undefined && !good(type);
      });
      if (explicit.length > 0) bad.push(containersNamed(explicit));
      if (bad.length > 0) return violation('seccompProfile', [`${bad.join(' and ')} must not set securityContext.seccompProfile.type to "Unconfined"`]);
      const silent = namesWhere(spec, ({ securityContext }) => securityContext?.seccompProfile?.type === undefined);
      if (good(pod) || silent.length === 0) return undefined;
      return violation('seccompProfile', [`pod or ${containersNamed(silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`]);
    },
  },
];

function typeOf({ name: _, ...source }: Volume): string {
  return Object.entries(source).find(([, value]) => value !== undefined && value !== null)?.[0] ?? 'emptyDir';
}
