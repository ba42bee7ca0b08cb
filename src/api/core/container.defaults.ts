import { formatQuantity, parseQuantity, quantityMilliValue } from '../../machinery/quantity.ts';
import { setOwn } from '../../machinery/record.ts';
import type { Draft } from '../../machinery/object.ts';
import type * as core from '../gen/types/core.v1.ts';
import { containerRequests, isPodLevel } from './pod.rules.ts';
import { isHugePages } from './resources.validation.ts';

/** Defaults of containers, probes and hooks (API reference, Container v1 core). */
export function defaultContainer(container: Draft<core.Container> | Draft<core.EphemeralContainer>): void {
  container.imagePullPolicy ||= pullPolicyOf(container.image);
  container.terminationMessagePath ||= '/dev/termination-log';
  container.terminationMessagePolicy ||= 'File';
  for (const port of container.ports ?? []) port.protocol ||= 'TCP';
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe]) if (probe !== undefined) defaultProbe(probe);
  for (const hook of [container.lifecycle?.postStart, container.lifecycle?.preStop]) if (hook?.httpGet !== undefined) defaultHttpGet(hook.httpGet);
  for (const { valueFrom } of container.env ?? []) {
    if (valueFrom?.fieldRef !== undefined) valueFrom.fieldRef.apiVersion ||= 'v1';
    if (valueFrom?.fileKeyRef !== undefined) valueFrom.fileKeyRef.optional ??= false;
  }
}

function defaultProbe(probe: Draft<core.Probe>): void {
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  if (probe.httpGet !== undefined) defaultHttpGet(probe.httpGet);
  if (probe.grpc !== undefined) probe.grpc.service ??= '';
}

function defaultHttpGet(action: Draft<core.HTTPGetAction>): void {
  action.path ||= '/';
  action.scheme ||= 'HTTP';
}

/** Images without a tag, or with the tag `latest`, are always pulled; a digest never changes. */
export function pullPolicyOf(image: string | undefined): string {
  const [name = '', digest] = (image ?? '').split('@', 2);
  const tag = /:([^:/]+)$/.exec(name)?.[1];
  if (tag !== undefined) return tag === 'latest' ? 'Always' : 'IfNotPresent';
  return digest === undefined ? 'Always' : 'IfNotPresent';
}

/** A limit without a request is also the request. Done for pods, never for templates. */
export function defaultRequests(resources: Draft<core.ResourceRequirements> | undefined): void {
  for (const [name, limit] of Object.entries(resources?.limits ?? {})) {
    if (resources === undefined) return;
    resources.requests ??= {};
    if (!Object.hasOwn(resources.requests, name)) setOwn(resources.requests, name, limit);
  }
}

/**
 * Of a pod as a whole that has limits: its huge pages are limited as those of its containers together; it requests what its
 * containers do, or else its limit. Huge pages are requested as they are limited.
 */
export function defaultPodRequests({ resources, initContainers, containers }: Draft<core.PodSpec>): void {
  const limits = resources?.limits ?? {};
  if (resources === undefined || Object.keys(limits).length === 0) return;
  const all = { initContainers, containers: containers ?? [] };
  for (const [name, quantity] of containerRequests(all, 'limits')) if (isHugePages(name)) setMissing(limits, name, formatQuantity(quantity));
  const requests = resources.requests ?? {};
  for (const [name, quantity] of containerRequests(all)) if (isPodLevel(name) && !isHugePages(name)) setMissing(requests, name, formatQuantity(quantity));
  for (const [name, limit] of Object.entries(limits)) if (isPodLevel(name)) setMissing(requests, name, limit);
  if (Object.keys(requests).length > 0) resources.requests = requests;
}

function setMissing(list: Record<string, string>, name: string, text: string): void {
  if (!Object.hasOwn(list, name)) setOwn(list, name, text);
}

/** Amounts finer than a thousandth are rounded up to one. */
export function roundResources(list: Draft<Readonly<Record<string, string>>> | undefined): void {
  for (const [name, text] of Object.entries(list ?? {})) {
    const quantity = parseQuantity(text);
    if (list === undefined || quantity === undefined || quantity.nanos % 1_000_000n === 0n) continue;
    list[name] = formatQuantity({ ...quantity, nanos: quantityMilliValue(quantity) * 1_000_000n });
  }
}
