import type { Draft, KubeObject } from '../../machinery/object.ts';
import type * as core from '../gen/types/core.v1.ts';
import { containersOf } from './pod-template.defaults.ts';

/**
 * What the schema of 1.36 has, but what its gates ContainerStopSignals, ClusterTrustBundleProjection, PodCertificateRequest,
 * GenericWorkload, DRANodeAllocatableResources and ImageVolumeWithDigest keep out: it is dropped without a word, unless the object
 * had such before.
 */
export function dropShut(spec: Draft<core.PodSpec> | undefined, old: core.PodSpec | undefined): void {
  if (spec === undefined) return;
  if (old === undefined || !containersOf(old as Draft<core.PodSpec>).some(({ lifecycle }) => lifecycle?.stopSignal !== undefined)) dropSignals(spec);
  for (const source of ['clusterTrustBundle', 'podCertificate'] as const) {
    if (sourcesOf(old).some((s) => s[source] !== undefined)) continue;
    for (const projection of sourcesOf(spec)) delete (projection as Draft<core.VolumeProjection>)[source];
  }
  if (old?.schedulingGroup === undefined) delete spec.schedulingGroup;
}

function dropSignals(spec: Draft<core.PodSpec>): void {
  for (const container of containersOf(spec)) {
    if (container.lifecycle?.stopSignal === undefined) continue;
    delete container.lifecycle.stopSignal;
    if (Object.keys(container.lifecycle).length === 0) delete container.lifecycle;
  }
}

const sourcesOf = (spec: core.PodSpec | Draft<core.PodSpec> | undefined): readonly core.VolumeProjection[] =>
  (spec?.volumes ?? []).flatMap(({ projected }) => (projected?.sources ?? []) as readonly core.VolumeProjection[]);

interface WithTemplate extends KubeObject {
  readonly spec?: { readonly template?: core.PodTemplateSpec | undefined } | undefined;
}

/** Of a workload whose template stands in its spec. */
export const dropShutInTemplate = <T extends WithTemplate>(draft: Draft<T>, old: T | undefined): void =>
  dropShut((draft as Draft<WithTemplate>).spec?.template?.spec, old?.spec?.template?.spec);

export function dropShutStatus(status: Draft<core.PodStatus>, old: core.PodStatus | undefined): void {
  if (old?.nodeAllocatableResourceClaimStatuses === undefined) delete status.nodeAllocatableResourceClaimStatuses;
  if (mountsOf(old).some(({ volumeStatus }) => volumeStatus !== undefined)) return;
  for (const mount of mountsOf(status)) delete (mount as Draft<core.VolumeMountStatus>).volumeStatus;
}

const mountsOf = (status: core.PodStatus | Draft<core.PodStatus> | undefined): readonly core.VolumeMountStatus[] =>
  [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? []), ...(status?.ephemeralContainerStatuses ?? [])].flatMap(
    ({ volumeMounts }) => (volumeMounts ?? []) as readonly core.VolumeMountStatus[],
  );
