import type { Draft } from '../../machinery/object.ts';
import type * as core from '../gen/types/core.v1.ts';
import { defaultContainer, roundResources } from './container.defaults.ts';
import { defaultVolume } from './volume.defaults.ts';

/** Defaults of a pod's spec, whether in a pod or in a template (API reference, PodSpec v1 core). */
export function defaultPodSpec(spec: Draft<core.PodSpec>): void {
  spec.restartPolicy ||= 'Always';
  spec.terminationGracePeriodSeconds ??= 30;
  spec.dnsPolicy ||= 'ClusterFirst';
  spec.securityContext ??= {};
  spec.schedulerName ||= 'default-scheduler';
  mirrorServiceAccount(spec);
  for (const container of containersOf(spec)) {
    defaultContainer(container);
    roundResources(container.resources?.limits);
    roundResources(container.resources?.requests);
  }
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
  for (const list of [spec.overhead, spec.resources?.limits, spec.resources?.requests]) roundResources(list);
  for (const term of spec.topologySpreadConstraints ?? []) if (term.labelSelector === null) delete term.labelSelector;
}

/** `serviceAccount` is the old name of `serviceAccountName`; both are shown. */
function mirrorServiceAccount(spec: Draft<core.PodSpec>): void {
  const name = spec.serviceAccountName || spec.serviceAccount;
  if (name === undefined || name === '') return;
  spec.serviceAccountName = name;
  spec.serviceAccount = name;
}

export function defaultTemplate(template: Draft<core.PodTemplateSpec> | undefined): void {
  if (template?.spec !== undefined) defaultPodSpec(template.spec);
}

/** Init, regular and ephemeral containers. */
export function containersOf(spec: Draft<core.PodSpec>): readonly (Draft<core.Container> | Draft<core.EphemeralContainer>)[] {
  return [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])];
}
