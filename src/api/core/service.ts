import { dns1123LabelFaults } from '../../machinery/names.ts';
import type { Draft } from '../../machinery/object.ts';
import type * as core from '../gen/types/core.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { keep } from '../strategy.ts';
import { serviceColumns } from './service.columns.ts';
import { serviceStatusWarnings, serviceWarnings } from './service.warnings.ts';
import { validateService, validateServiceStatus, validateServiceUpdate } from './service.validation.ts';

const AFFINITY_SECONDS = 10_800;

/** API reference, ServiceSpec v1 core. Addresses and families are given by the allocator. */
function defaultService({ spec, status }: Draft<core.Service>): void {
  if (spec === undefined) return;
  spec.sessionAffinity ||= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity === 'ClientIP') {
    spec.sessionAffinityConfig ??= {};
    spec.sessionAffinityConfig.clientIP ??= {};
    spec.sessionAffinityConfig.clientIP.timeoutSeconds ??= AFFINITY_SECONDS;
  }
  spec.type ||= 'ClusterIP';
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP';
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === '') port.targetPort = port.port;
  }
  if (isExternallyReachable(spec)) spec.externalTrafficPolicy ||= 'Cluster';
  if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.type === 'LoadBalancer') {
    spec.allocateLoadBalancerNodePorts ??= true;
    for (const ingress of status?.loadBalancer?.ingress ?? []) if (ingress.ip !== undefined && ingress.ip !== '') ingress.ipMode ??= 'VIP';
  }
}

const hasNodePorts = (type: string | undefined): boolean => type === 'NodePort' || type === 'LoadBalancer';

/** 0 where a port has none. */
const nodePortsOf = (ports: readonly core.ServicePort[]): readonly number[] => ports.map(({ nodePort = 0 }) => nodePort);

function isExternallyReachable({ type, externalIPs }: core.ServiceSpec | Draft<core.ServiceSpec>): boolean {
  return hasNodePorts(type) || (type === 'ClusterIP' && (externalIPs ?? []).length > 0);
}

/** What belonged to the old type goes with it, where the writer did not touch it (Kubernetes' `dropTypeDependentFields`). */
function dropFieldsOfOldType(draft: Draft<core.Service>, old: core.Service): void {
  const { spec } = draft;
  const before = old.spec;
  if (spec === undefined || before === undefined) return;
  const untouched = (field: keyof core.ServiceSpec): boolean => JSON.stringify(spec[field]) === JSON.stringify(before[field]);
  if (before.type !== 'ExternalName' && spec.type === 'ExternalName') {
    if (untouched('clusterIP') && untouched('clusterIPs')) {
      delete spec.clusterIP;
      delete spec.clusterIPs;
    }
    if (untouched('ipFamilies')) delete spec.ipFamilies;
    if (untouched('ipFamilyPolicy')) delete spec.ipFamilyPolicy;
  }
  if (hasNodePorts(before.type) && !hasNodePorts(spec.type)) {
    // Ports may come, go and move, as long as none asks for a number of its own.
    const then = new Set(nodePortsOf(before.ports ?? []));
    if (nodePortsOf(spec.ports ?? []).every((number) => number === 0 || then.has(number))) for (const port of spec.ports ?? []) delete port.nodePort;
  }
  if (isExternallyReachable(before) && !isExternallyReachable(spec) && untouched('externalTrafficPolicy')) delete spec.externalTrafficPolicy;
  if (before.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    if (untouched('healthCheckNodePort')) delete spec.healthCheckNodePort;
    if (untouched('allocateLoadBalancerNodePorts')) delete spec.allocateLoadBalancerNodePorts;
    if (untouched('loadBalancerClass')) delete spec.loadBalancerClass;
  }
  if (before.type === 'LoadBalancer' && spec.externalTrafficPolicy !== 'Local' && untouched('healthCheckNodePort')) delete spec.healthCheckNodePort;
}

export const serviceRules: KindRules<core.Service> = {
  strategy: {
    // Since 1.36 a name may begin with a digit (KEP-5311).
    validateName: dns1123LabelFaults,
    default: defaultService,
    prepareForCreate: (draft) => {
      draft.status = { loadBalancer: {} };
      const { spec } = draft;
      if (spec !== undefined && (spec.clusterIP ?? '') !== '' && (spec.clusterIPs ?? []).length === 0) spec.clusterIPs = [spec.clusterIP ?? ''];
    },
    prepareForUpdate: (draft, old) => {
      keep(draft, old, 'status');
      if (draft.status === undefined) draft.status = { loadBalancer: {} };
      keepAddresses(draft, old);
      dropFieldsOfOldType(draft, old);
      if (draft.spec?.type !== 'LoadBalancer') draft.status = { ...draft.status, loadBalancer: {} };
    },
    allowCreateOnUpdate: true,
    allowUnconditionalUpdate: true,
    validateCreate: validateService,
    validateUpdate: validateServiceUpdate,
    warnings: serviceWarnings,
    status: { prepareForUpdate: (draft, old) => keep(draft, old, 'spec'), validateUpdate: validateServiceStatus, warnings: serviceStatusWarnings },
  },
  columns: serviceColumns,
  shortNames: ['svc'],
  categories: ['all'],
  selectable: {
    names: ['spec.clusterIP', 'spec.type'],
    values: ({ spec }) => ({ 'spec.clusterIP': spec?.clusterIP ?? '', 'spec.type': spec?.type ?? '' }),
  },
};

/** Whoever replaces a service without naming its addresses and ports keeps them (Kubernetes' `patchAllocatedValues`). */
function keepAddresses({ spec }: Draft<core.Service>, { spec: before }: core.Service): void {
  if (spec === undefined || before === undefined) return;
  if (spec.type !== 'ExternalName' && before.type !== 'ExternalName') {
    if ((spec.clusterIP ?? '') === '') keep(spec, before, 'clusterIP');
    if ((spec.clusterIPs ?? []).length === 0) keep(spec, before, 'clusterIPs');
  }
  followAddress(spec, before);
  if (hasNodePorts(spec.type) && hasNodePorts(before.type)) keepNodePorts(spec.ports ?? [], before.ports ?? []);
  if (before.type === 'LoadBalancer' && spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local' && before.externalTrafficPolicy === 'Local') {
    if ((spec.healthCheckNodePort ?? 0) === 0) keep(spec, before, 'healthCheckNodePort');
  }
}

/** Clients that know of one address only say what becomes of the list (Kubernetes' `normalizeClusterIPs`). */
function followAddress(spec: Draft<core.ServiceSpec>, before: core.ServiceSpec): void {
  const [ip = '', then = ''] = [spec.clusterIP, before.clusterIP];
  if ((spec.clusterIPs ?? []).length === 0 && ip === then) keep(spec, before, 'clusterIPs');
  if (ip === then || JSON.stringify(spec.clusterIPs ?? []) !== JSON.stringify(before.clusterIPs ?? [])) return;
  if (ip === '') delete spec.clusterIPs;
  else spec.clusterIPs = [ip];
}

/** By name, whatever else has become of the port; no number that another port has by now. */
function keepNodePorts(ports: Draft<core.ServicePort>[], before: readonly core.ServicePort[]): void {
  const now = new Set(nodePortsOf(ports));
  const used = new Set(nodePortsOf(before).filter((number) => now.has(number)));
  const byName = new Map(before.map(({ name = '', nodePort = 0 }) => [name, nodePort]));
  for (const port of ports) {
    const number = byName.get(port.name ?? '') ?? 0;
    if ((port.nodePort ?? 0) === 0 && number !== 0 && !used.has(number)) port.nodePort = number;
  }
}
