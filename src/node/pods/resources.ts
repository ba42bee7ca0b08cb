import type { Container as ContainerSpec, EphemeralContainer, ResourceRequirements } from '../../api/gen/types/core.v1.ts';
import type { Json } from '../../machinery/object.ts';
import { getOwn } from '../../machinery/record.ts';
import type { Container } from '../runtime/runtime.ts';
import type { PodMemory } from './view.ts';

/** The annotation, written at a container's creation, with the part of its resources that may be changed while it runs. */
export const RESOURCES_ANNOTATION = 'berth.dev/resources';

const CHANGEABLE = ['cpu', 'memory'] as const;

/** cpu and memory, requests and limits, in one fixed form that can be compared. */
export function resourceText({ resources }: ContainerSpec | EphemeralContainer): string {
  const part = (side: Readonly<Record<string, string>> | undefined): Record<string, string> => {
    const found: Record<string, string> = {};
    for (const name of CHANGEABLE) {
      const value = getOwn(side, name);
      if (value !== undefined) found[name] = value;
    }
    return found;
  };
  return JSON.stringify({ requests: part(resources?.requests), limits: part(resources?.limits) });
}

/** What a container has now; undefined: made by somebody who did not write it down. */
export function currentResources({ resized }: Pick<PodMemory, 'resized'>, container: Container): string | undefined {
  return resized.get(container.id) ?? container.annotations[RESOURCES_ANNOTATION];
}

/** How a running container comes to what its spec asks for now. Undefined: it has it. */
export function wantedResize(
  memory: Pick<PodMemory, 'resized'>,
  spec: ContainerSpec | EphemeralContainer,
  container: Container,
): 'in-place' | 'restart' | undefined {
  const now = currentResources(memory, container);
  const wanted = resourceText(spec);
  if (now === undefined || now === wanted) return undefined;
  const before = parse(now);
  const after = parse(wanted);
  const moved = CHANGEABLE.filter(
    (name) => getOwn(before.requests, name) !== getOwn(after.requests, name) || getOwn(before.limits, name) !== getOwn(after.limits, name),
  );
  const restarts = moved.some((name) => spec.resizePolicy?.find((p) => p.resourceName === name)?.restartPolicy === 'RestartContainer');
  return restarts ? 'restart' : 'in-place';
}

/** The resources to report: what may change as it is now, the rest as the spec has it. */
export function reportedResources(spec: ContainerSpec | EphemeralContainer, now: string | undefined): ResourceRequirements {
  const { requests, limits } = spec.resources ?? {};
  if (now === undefined) return { ...(limits === undefined ? {} : { limits }), ...(requests === undefined ? {} : { requests }) };
  const have = parse(now);
  return { ...side('limits', limits, have.limits), ...side('requests', requests, have.requests) };
}

function side(name: 'limits' | 'requests', spec: Readonly<Record<string, string>> | undefined, have: Readonly<Record<string, string>>): ResourceRequirements {
  const others = Object.fromEntries(Object.entries(spec ?? {}).filter(([key]) => key !== 'cpu' && key !== 'memory'));
  const all = { ...others, ...have };
  return Object.keys(all).length === 0 ? {} : { [name]: all };
}

function parse(text: string): { readonly requests: Readonly<Record<string, string>>; readonly limits: Readonly<Record<string, string>> } {
  const value = JSON.parse(text) as { readonly [key: string]: Json };
  const map = (part: Json | undefined): Readonly<Record<string, string>> =>
    typeof part === 'object' && part !== null && !Array.isArray(part) ? (part as Readonly<Record<string, string>>) : {};
  return { requests: map(value['requests']), limits: map(value['limits']) };
}
