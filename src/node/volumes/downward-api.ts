import { followerPlugin } from './follower.ts';
import { downwardPayload } from './payload.ts';
import type { VolumePlugin, VolumeRequest, VolumeTools } from './volume.ts';
import type { DownwardFacts } from '../containers/downward.ts';

/** Follows the pod itself: it is set up again after every change of the pod's metadata. */
export function downwardApiPlugin(tools: VolumeTools): VolumePlugin {
  return followerPlugin(tools, {
    name: 'kubernetes.io/downward-api',
    inMemory: false,
    supports: (volume) => volume.downwardAPI !== undefined,
    contents: async (request) => {
      const { items = [], defaultMode = 0o644 } = request.volume.downwardAPI ?? {};
      return { payload: downwardPayload(items, defaultMode, volumeFacts(tools, request)) };
    },
  });
}

/** Addresses are not among the fields that a volume may show. */
export function volumeFacts({ nodeName, machine }: VolumeTools, { pod }: VolumeRequest): DownwardFacts {
  return { pod, hostIps: [], podIps: [], nodeName, machine };
}
