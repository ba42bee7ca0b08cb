import type { Container as ContainerSpec, EphemeralContainer, Pod, SeccompProfile } from '../../api/gen/types/core.v1.ts';
import { spec } from '../pods/pod.ts';
import { StartFailure } from '../pods/start-failure.ts';
import type { ContainerSecurity, Image } from '../runtime/runtime.ts';

/** What a container may not see or write of /proc and /sys, unless procMount is Unmasked. */
const MASKED = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const READ_ONLY = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** The container's own security context over the pod's. Throws StartFailure for a root user where none may be. */
export function securityOf(pod: Pod, container: ContainerSpec | EphemeralContainer, image: Image | undefined, seccompDirectory: string): ContainerSecurity {
  const ofPod = spec(pod).securityContext ?? {};
  const own = container.securityContext ?? {};
  const privileged = own.privileged === true;
  const runAsUser = own.runAsUser ?? ofPod.runAsUser;
  const runAsGroup = own.runAsGroup ?? ofPod.runAsGroup;
  if ((own.runAsNonRoot ?? ofPod.runAsNonRoot) === true) checkNotRoot(pod, container, runAsUser, image);
  const unmasked = privileged || own.procMount === 'Unmasked';
  const fsGroup = ofPod.fsGroup;
  return {
    privileged,
    // Without one, the image's own user; that is the runtime's to find, except that a bare group needs a user beside it.
    ...(runAsUser === undefined ? (runAsGroup === undefined ? {} : imageUser(image)) : { runAsUser }),
    ...(runAsGroup === undefined ? {} : { runAsGroup }),
    supplementalGroups: [...new Set([...(ofPod.supplementalGroups ?? []), ...(fsGroup === undefined ? [] : [fsGroup])])],
    readOnlyRootFilesystem: own.readOnlyRootFilesystem === true,
    allowPrivilegeEscalation: own.allowPrivilegeEscalation ?? true,
    addCapabilities: own.capabilities?.add ?? [],
    dropCapabilities: own.capabilities?.drop ?? [],
    maskedPaths: unmasked ? [] : MASKED,
    readonlyPaths: unmasked ? [] : READ_ONLY,
    seccomp: seccompOf(own.seccompProfile ?? ofPod.seccompProfile, privileged, seccompDirectory),
    hostPid: spec(pod).hostPID === true,
    hostIpc: spec(pod).hostIPC === true,
    hostNetwork: spec(pod).hostNetwork === true,
    shareProcessNamespace: spec(pod).shareProcessNamespace === true,
  };
}

function imageUser(image: Image | undefined): Pick<ContainerSecurity, 'runAsUser' | 'runAsUserName'> {
  const { uid, name } = image?.user ?? {};
  if (uid !== undefined) return { runAsUser: uid };
  return name === undefined || name === '' ? { runAsUser: 0 } : { runAsUserName: name };
}

function checkNotRoot(pod: Pod, container: ContainerSpec | EphemeralContainer, runAsUser: number | undefined, image: Image | undefined): void {
  const about = `(pod: "${pod.metadata?.name ?? ''}_${pod.metadata?.namespace ?? ''}(${pod.metadata?.uid ?? ''})", container: ${container.name})`;
  if (runAsUser !== undefined) {
    if (runAsUser === 0) throw new StartFailure('CreateContainerConfigError', `container's runAsUser breaks non-root policy ${about}`);
    return;
  }
  const { uid, name } = image?.user ?? {};
  if (uid !== undefined && uid !== 0) return;
  if (uid === undefined && name !== undefined && name !== '') {
    throw new StartFailure(
      'CreateContainerConfigError',
      `container has runAsNonRoot and image has non-numeric user (${name}), cannot verify user is non-root ${about}`,
    );
  }
  throw new StartFailure('CreateContainerConfigError', `container has runAsNonRoot and image will run as root ${about}`);
}

function seccompOf(profile: SeccompProfile | undefined, privileged: boolean, directory: string): ContainerSecurity['seccomp'] {
  if (privileged || profile === undefined || profile.type === 'Unconfined') return { type: 'Unconfined' };
  if (profile.type === 'Localhost') return { type: 'Localhost', path: `${directory}/${profile.localhostProfile ?? ''}` };
  return { type: 'RuntimeDefault' };
}
