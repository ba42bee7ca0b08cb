import type { TokenReview } from '../../api/gen/types/authentication.v1.ts';
import type { UserInfo } from '../../machinery/exchange.ts';
import type { JsonObject } from '../../machinery/object.ts';
import { badRequest } from '../../machinery/status-error.ts';
import { formatTime } from '../../machinery/time.ts';
import type { VirtualResource } from '../stages.ts';
import type { CheckAnyToken } from './authenticate.ts';

const GROUP = 'authentication.k8s.io';

/** TokenReview: whose token is this? Asked by servers that are shown one (the node's, webhooks, aggregated servers). */
export function tokenReviews(check: CheckAnyToken, own: readonly string[]): VirtualResource {
  return {
    group: GROUP,
    resource: 'tokenreviews',
    async create(_call, body) {
      const review = body as unknown as TokenReview;
      if ((review.spec?.token ?? '') === '') throw badRequest('token is required for TokenReview in authentication');
      const asked = review.spec.audiences ?? [];
      const checked = await check(review.spec.token, asked.length === 0 ? own : asked);
      const status =
        'user' in checked
          ? { authenticated: true, user: formatUser(checked.user), audiences: checked.audiences }
          : { user: {}, error: formatError(checked.error) };
      return { metadata: {}, ...body, kind: 'TokenReview', apiVersion: `${GROUP}/v1`, status } as unknown as JsonObject;
    },
  };
}

function formatError(error: string): string {
  return error === 'invalid bearer token' ? error : `[invalid bearer token, ${error}]`;
}

/** SelfSubjectReview: who am I? (`kubectl auth whoami`) */
export const selfSubjectReviews: VirtualResource = {
  group: GROUP,
  resource: 'selfsubjectreviews',
  create({ user, nowMs }, body) {
    return {
      ...body,
      kind: 'SelfSubjectReview',
      apiVersion: `${GROUP}/v1`,
      metadata: { creationTimestamp: formatTime(nowMs) },
      status: { userInfo: formatUser(user) },
    } as unknown as JsonObject;
  },
};

function formatUser({ name, uid, groups, extra }: UserInfo): JsonObject {
  return {
    username: name,
    ...(uid === undefined || uid === '' ? {} : { uid }),
    ...(groups.length === 0 ? {} : { groups }),
    ...(extra === undefined ? {} : { extra: extra as unknown as JsonObject }),
  };
}
