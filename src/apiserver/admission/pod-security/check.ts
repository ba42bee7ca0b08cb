import type { Container, EphemeralContainer, PodSpec } from '../../../api/gen/types/core.v1.ts';
import type { Labels } from '../../../machinery/labels.ts';

/** What a check looks at: a pod, or the template of one. */
export interface CheckedPod {
  readonly annotations: Labels | undefined;
  readonly spec: PodSpec;
}

/** Why a pod does not meet a level. */
export interface Violation {
  readonly reason: string;
  /** Empty: there is no more to say. */
  readonly detail: string;
}

/** One rule of the Pod Security Standards. */
export interface Check {
  /** Violations of one level are told in the order of the ids. */
  readonly id: string;
  readonly level: 'baseline' | 'restricted';
  /** Kubernetes' minor version from which it holds; 0 for all. */
  readonly since: number;
  /** Checks that this one makes superfluous at its level. */
  readonly replaces?: readonly string[];
  readonly check: (pod: CheckedPod, minor: number) => Violation | undefined;
}

export type AnyContainer = Container | EphemeralContainer;

/** All containers: init, ordinary, ephemeral. */
export function containersOf({ initContainers, containers, ephemeralContainers }: PodSpec): readonly AnyContainer[] {
  return [...(initContainers ?? []), ...(containers ?? []), ...(ephemeralContainers ?? [])];
}

export function namesWhere(spec: PodSpec, wrong: (container: AnyContainer) => boolean): readonly string[] {
  return containersOf(spec)
    .filter(wrong)
    .map(({ name }) => name);
}

export const quoted = (names: readonly string[]): string => names.map((name) => JSON.stringify(name)).join(', ');
export const plural = (word: string, names: readonly unknown[]): string => (names.length === 1 ? word : `${word}s`);

/** `container "a"`, `containers "a", "b"`. */
export const containersNamed = (names: readonly string[]): string => `${plural('container', names)} ${quoted(names)}`;

/** Undefined when there is nothing to say. */
export function violation(reason: string, details: readonly string[], separator = ', '): Violation | undefined {
  return details.length === 0 ? undefined : { reason, detail: details.join(separator) };
}
