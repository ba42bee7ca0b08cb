import type { ContainerPort } from '../../api/gen/types/core.v1.ts';
import { type Plugin, refuse } from '../plugin.ts';

const TAKEN = refuse("node(s) didn't have free ports for the requested pod ports");

/** A port of the host is for one pod at a time, on each address or on all. */
export const nodePorts: Plugin = {
  name: 'NodePorts',
  events: ['node', 'pod-gone'],
  consider: ({ hostPorts }) => {
    if (hostPorts.length === 0) return undefined;
    return {
      filter: ({ pods }) => (pods.some((other) => other.hostPorts.some((taken) => hostPorts.some((wanted) => collide(taken, wanted)))) ? TAKEN : undefined),
    };
  },
};

function collide(a: ContainerPort, b: ContainerPort): boolean {
  if (a.hostPort !== b.hostPort || (a.protocol ?? 'TCP') !== (b.protocol ?? 'TCP')) return false;
  return address(a) === address(b) || address(a) === ANY || address(b) === ANY;
}

const ANY = '0.0.0.0';

function address({ hostIP = '' }: ContainerPort): string {
  return hostIP === '' || hostIP === '::' ? ANY : hostIP;
}
