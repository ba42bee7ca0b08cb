import type { PodSpec, SELinuxOptions } from '../../../api/gen/types/core.v1.ts';
import type { Labels } from '../../../machinery/labels.ts';
import { getOwn } from '../../../machinery/record.ts';
import {
  type AnyContainer,
  type Check,
  type CheckedPod,
  containersNamed,
  containersOf,
  namesWhere,
  plural,
  quoted,
  type Violation,
  violation,
} from './check.ts';

const CAPABILITIES: ReadonlySet<string> = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]);

/** Safe sysctls, with the version from which they are. */
const SYSCTLS: Readonly<Record<string, number>> = {
  'kernel.shm_rmid_forced': 0,
  'net.ipv4.ip_local_port_range': 0,
  'net.ipv4.ip_unprivileged_port_start': 0,
  'net.ipv4.tcp_syncookies': 0,
  'net.ipv4.ping_group_range': 0,
  'net.ipv4.ip_local_reserved_ports': 27,
  'net.ipv4.tcp_keepalive_time': 29,
  'net.ipv4.tcp_fin_timeout': 29,
  'net.ipv4.tcp_keepalive_intvl': 29,
  'net.ipv4.tcp_keepalive_probes': 29,
  'net.ipv4.tcp_rmem': 32,
  'net.ipv4.tcp_wmem': 32,
};

/** With the version from which they are allowed. */
const SELINUX_TYPES: Readonly<Record<string, number>> = { '': 0, container_t: 0, container_init_t: 0, container_kvm_t: 0, container_engine_t: 31 };
const APPARMOR_ANNOTATION = 'container.apparmor.security.beta.kubernetes.io/';

/** The level "baseline" of the Pod Security Standards (kubernetes.io, Pod Security Standards, 1.36). */
export const BASELINE_CHECKS: readonly Check[] = [
  {
    id: 'appArmorProfile',
    level: 'baseline',
    since: 0,
    check: ({ spec, annotations }) => {
      const types = new Set<string>();
      const look = (type: string | undefined): boolean => {
        const isWrong = type !== undefined && type !== 'RuntimeDefault' && type !== 'Localhost';
        if (isWrong) types.add(type);
        return isWrong;
      };
      const who: string[] = [];
      if (look(spec.securityContext?.appArmorProfile?.type)) who.push('pod');
      const names = namesWhere(spec, ({ securityContext }) => look(securityContext?.appArmorProfile?.type));
      if (names.length > 0) who.push(containersNamed(names));
      const noted = Object.entries(annotations ?? {})
        .filter(([key, value]) => key.startsWith(APPARMOR_ANNOTATION) && value !== '' && value !== 'runtime/default' && !value.startsWith('localhost/'))
        .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
        .sort();
      if (noted.length > 0) who.push(plural('annotation', noted));
      const values = [...[...types].sort(), ...noted];
      const detail = `${who.join(' and ')} must not set AppArmor profile type to ${quoted(values)}`;
      return violation(plural('forbidden AppArmor profile', values), values.length === 0 ? [] : [detail]);
    },
  },
  {
    id: 'capabilities_baseline',
    level: 'baseline',
    since: 0,
    check: ({ spec }) => {
      const added = new Set<string>();
      const names = namesWhere(spec, ({ securityContext }) => {
        const wrong = (securityContext?.capabilities?.add ?? []).filter((capability) => !CAPABILITIES.has(capability));
        for (const capability of wrong) added.add(capability);
        return wrong.length > 0;
      });
      return violation(
        'non-default capabilities',
        names.length === 0 ? [] : [`${containersNamed(names)} must not include ${quoted([...added].sort())} in securityContext.capabilities.add`],
      );
    },
  },
  {
    id: 'hostNamespaces',
    level: 'baseline',
    since: 0,
    check: ({ spec }) =>
      violation(
        'host namespaces',
        (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((name) => spec[name] === true).map((name) => `${name}=true`),
      ),
  },
  {
    id: 'hostPathVolumes',
    level: 'baseline',
    since: 0,
    check: ({ spec }) => {
      const names = (spec.volumes ?? []).filter(({ hostPath }) => hostPath !== undefined).map(({ name }) => name);
      return violation('hostPath volumes', names.length === 0 ? [] : [`${plural('volume', names)} ${quoted(names)}`]);
    },
  },
  {
    id: 'hostPorts',
    level: 'baseline',
    since: 0,
    check: ({ spec }) => {
      const ports = new Set<number>();
      const names = namesWhere(spec, (container) => {
        const taken = ('ports' in container ? (container.ports ?? []) : []).map(({ hostPort }) => hostPort ?? 0).filter((port) => port !== 0);
        for (const port of taken) ports.add(port);
        return taken.length > 0;
      });
      // As text, as upstream does.
      const list = [...ports].map(String).sort();
      return violation(
        'hostPort',
        names.length === 0 ? [] : [`${containersNamed(names)} ${names.length === 1 ? 'uses' : 'use'} ${plural('hostPort', list)} ${list.join(', ')}`],
      );
    },
  },
  {
    id: 'hostProbesAndHostLifecycle',
    level: 'baseline',
    since: 34,
    check: ({ spec }) => {
      const hosts = new Set<string>();
      const names = namesWhere(spec, (container) => {
        const own = handlerHosts(container);
        for (const host of own) hosts.add(host);
        return own.length > 0;
      });
      return violation(
        'probe or lifecycle host',
        names.length === 0
          ? []
          : [
              `${containersNamed([...names].sort())} ${names.length === 1 ? 'uses' : 'use'} probe or lifecycle ${plural('host', [...hosts])} ${quoted([...hosts].sort())}`,
            ],
      );
    },
  },
  {
    id: 'privileged',
    level: 'baseline',
    since: 0,
    check: ({ spec }) => {
      const names = namesWhere(spec, ({ securityContext }) => securityContext?.privileged === true);
      return violation('privileged', names.length === 0 ? [] : [`${containersNamed(names)} must not set securityContext.privileged=true`]);
    },
  },
  {
    id: 'procMount',
    level: 'baseline',
    since: 0,
    // With a user namespace of its own, the pod's /proc shows nothing of the host's.
    check: (pod, minor) => (pod.spec.hostUsers === false && minor >= 35 ? undefined : procMountViolation(pod)),
  },
  {
    id: 'seLinuxOptions',
    level: 'baseline',
    since: 0,
    check: ({ spec }, minor) => {
      const who: string[] = [];
      const types = new Set<string>();
      const fields = new Set<string>();
      const look = ({ type = '', user = '', role = '' }: SELinuxOptions = {}): boolean => {
        const isWrongType = (getOwn(SELINUX_TYPES, type) ?? Number.POSITIVE_INFINITY) > minor;
        if (isWrongType) types.add(type);
        if (user !== '') fields.add('user');
        if (role !== '') fields.add('role');
        return isWrongType || user !== '' || role !== '';
      };
      if (look(spec.securityContext?.seLinuxOptions)) who.push('pod');
      const names = namesWhere(spec, ({ securityContext }) => look(securityContext?.seLinuxOptions));
      if (names.length > 0) who.push(containersNamed(names));
      const what = types.size === 0 ? [] : [`${plural('type', [...types])} ${quoted([...types].sort())}`];
      what.push(...['user', 'role'].filter((field) => fields.has(field)).map((field) => `${field} may not be set`));
      return violation('seLinuxOptions', who.length === 0 ? [] : [`${who.join(' and ')} set forbidden securityContext.seLinuxOptions: ${what.join('; ')}`]);
    },
  },
  {
    id: 'seccompProfile_baseline',
    level: 'baseline',
    since: 0,
    check: ({ spec, annotations }, minor) => {
      if (minor < SECCOMP_FIELD_SINCE) return violation('seccompProfile', seccompAnnotations(spec, annotations));
      const wrong = (type: string | undefined): boolean => type !== undefined && type !== 'RuntimeDefault' && type !== 'Localhost';
      const who: string[] = [];
      if (wrong(spec.securityContext?.seccompProfile?.type)) who.push('pod');
      const names = namesWhere(spec, ({ securityContext }) => wrong(securityContext?.seccompProfile?.type));
      if (names.length > 0) who.push(containersNamed(names));
      return violation('seccompProfile', who.length === 0 ? [] : [`${who.join(' and ')} must not set securityContext.seccompProfile.type to "Unconfined"`]);
    },
  },
  {
    id: 'sysctls',
    level: 'baseline',
    since: 0,
    check: ({ spec }, minor) => {
      const wrong = (spec.securityContext?.sysctls ?? [])
        .map(({ name }) => name)
        .filter((name) => !Object.hasOwn(SYSCTLS, name) || (SYSCTLS[name] ?? 0) > minor);
      return violation('forbidden sysctls', wrong);
    },
  },
  {
    id: 'windowsHostProcess',
    level: 'baseline',
    since: 0,
    check: ({ spec }) => {
      const who: string[] = [];
      if (spec.securityContext?.windowsOptions?.hostProcess === true) who.push('pod');
      const names = namesWhere(spec, ({ securityContext }) => securityContext?.windowsOptions?.hostProcess === true);
      if (names.length > 0) who.push(containersNamed(names));
      return violation('hostProcess', who.length === 0 ? [] : [`${who.join(' and ')} must not set securityContext.windowsOptions.hostProcess=true`]);
    },
  },
];

export function procMountViolation({ spec }: CheckedPod): Violation | undefined {
  const mounts = new Set<string>();
  const names = namesWhere(spec, ({ securityContext }) => {
    const mount = securityContext?.procMount ?? 'Default';
    if (mount !== 'Default') mounts.add(mount);
    return mount !== 'Default';
  });
  return violation(
    'procMount',
    names.length === 0 ? [] : [`${containersNamed(names)} must not set securityContext.procMount to ${quoted([...mounts].sort())}`],
  );
}

const SECCOMP_FIELD_SINCE = 19;
const SECCOMP_ANNOTATION = 'seccomp.security.alpha.kubernetes.io/';

/** What is wrong with the annotations that stood for the field before there was one. */
function seccompAnnotations(spec: PodSpec, annotations: Labels | undefined): readonly string[] {
  const wrong = [`${SECCOMP_ANNOTATION}pod`, ...containersOf(spec).map(({ name }) => `container.${SECCOMP_ANNOTATION}${name}`)].flatMap((key) => {
    const value = getOwn(annotations, key) ?? 'runtime/default';
    return value === 'runtime/default' || value === 'docker/default' || value.startsWith('localhost/') ? [] : [`${key}=${JSON.stringify(value)}`];
  });
  return wrong.length === 0 ? [] : [`forbidden ${plural('annotation', wrong)} ${wrong.sort().join(', ')}`];
}

/** Hosts that probes and hooks are sent to instead of the pod. */
function handlerHosts(container: AnyContainer): readonly string[] {
  const { livenessProbe, readinessProbe, startupProbe, lifecycle } = container;
  const handlers = [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop];
  return handlers.flatMap((handler) => [handler?.httpGet?.host, handler?.tcpSocket?.host]).filter((host) => host !== undefined && host !== '') as string[];
}
