import type { PodContainer, PodIdentity } from '../pods/pod.ts';
import { IMAGE_ANNOTATION } from '../pods/decide.ts';
import { RESOURCES_ANNOTATION, resourceText } from '../pods/resources.ts';

/** Written at creation, read by whoever finds the container later: the only memory that outlives this process and the API object. */
export const GRACE_ANNOTATION = 'berth.dev/termination-grace-seconds';
export const TERMINATION_LOG_ANNOTATION = 'berth.dev/termination-log';
export const TERMINATION_POLICY_ANNOTATION = 'berth.dev/termination-message-policy';
/** `{"nvidia.com/gpu":["0","1"]}` */
export const DEVICES_ANNOTATION = 'berth.dev/devices';

export function sandboxLabels({ uid, name, namespace }: PodIdentity, ofPod: Readonly<Record<string, string>> | undefined): Readonly<Record<string, string>> {
  return { ...ofPod, 'io.kubernetes.pod.name': name, 'io.kubernetes.pod.namespace': namespace, 'io.kubernetes.pod.uid': uid };
}

export function containerLabels(id: PodIdentity, container: string): Readonly<Record<string, string>> {
  return { ...sandboxLabels(id, undefined), 'io.kubernetes.container.name': container };
}

export function containerAnnotations(
  { spec }: PodContainer,
  facts: { readonly graceSeconds: number; readonly terminationLog: string; readonly devices: Readonly<Record<string, readonly string[]>> },
): Readonly<Record<string, string>> {
  return {
    [IMAGE_ANNOTATION]: spec.image ?? '',
    [RESOURCES_ANNOTATION]: resourceText(spec),
    [GRACE_ANNOTATION]: String(facts.graceSeconds),
    [TERMINATION_LOG_ANNOTATION]: facts.terminationLog,
    [TERMINATION_POLICY_ANNOTATION]: spec.terminationMessagePolicy ?? 'File',
    ...(Object.keys(facts.devices).length === 0 ? {} : { [DEVICES_ANNOTATION]: JSON.stringify(facts.devices) }),
  };
}
