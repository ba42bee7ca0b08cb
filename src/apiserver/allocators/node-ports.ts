import type * as core from '../../api/gen/types/core.v1.ts';

/** Both ends belong to it. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export const defaultNodePorts: PortRange = { first: 30000, last: 32767 };

/** The node ports that a service holds, each once. */
export function portsOf(spec: core.ServiceSpec | undefined): readonly number[] {
  const ports = new Set<number>();
  for (const { nodePort } of spec?.ports ?? []) if (nodePort !== undefined && nodePort !== 0) ports.add(nodePort);
  if (spec?.healthCheckNodePort !== undefined && spec.healthCheckNodePort !== 0) ports.add(spec.healthCheckNodePort);
  return [...ports];
}
