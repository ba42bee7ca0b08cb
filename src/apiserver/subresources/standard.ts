import type { Random } from '../../base/random.ts';
import type { Authorizer } from '../authz/authorizer.ts';
import type { Dial } from '../dial.ts';
import type { StreamSubresource } from '../stages.ts';
import { podLog } from './pod-log.ts';
import { podStreams } from './pod-streams.ts';
import { proxies } from './proxy.ts';

/** All that leads from the API server to nodes, pods and services. */
export function streamSubresources(dial: Dial, authorize: Authorizer, random: Random): readonly StreamSubresource[] {
  return [podLog(dial), ...podStreams(dial, authorize), ...proxies(dial, random)];
}
