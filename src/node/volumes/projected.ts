import { serviceAccounts } from '../../api/gen/resources.ts';
import type { ServiceAccountTokenProjection, VolumeProjection } from '../../api/gen/types/core.v1.ts';
import { containersOf, spec } from '../pods/pod.ts';
import { configMapContents } from './config-map.ts';
import { volumeFacts } from './downward-api.ts';
import { type FollowedContents, followerPlugin } from './follower.ts';
import { downwardPayload, type Payload, type PayloadFile } from './payload.ts';
import { secretContents } from './secret.ts';
import type { Tokens } from './tokens.ts';
import { VolumeError, type VolumePlugin, type VolumeRequest, type VolumeTools } from './volume.ts';

/** Several sources in one directory; later ones win. */
export function projectedPlugin(tools: VolumeTools, tokens: Tokens): VolumePlugin {
  return followerPlugin(tools, {
    name: 'kubernetes.io/projected',
    inMemory: true,
    supports: (volume) => volume.projected !== undefined,
    contents: async (request) => {
      const { sources = [], defaultMode = 0o644 } = request.volume.projected ?? {};
      const payload = new Map<string, PayloadFile>();
      let againAtMs = Number.POSITIVE_INFINITY;
      for (const source of sources) {
        const part = await project(tools, tokens, request, source, defaultMode);
        for (const [path, file] of part.payload) payload.set(path, file);
        againAtMs = Math.min(againAtMs, part.againAtMs ?? againAtMs);
      }
      return { payload, ...(againAtMs === Number.POSITIVE_INFINITY ? {} : { againAtMs }) };
    },
  });
}

async function project(tools: VolumeTools, tokens: Tokens, request: VolumeRequest, source: VolumeProjection, defaultMode: number): Promise<FollowedContents> {
  if (source.configMap !== undefined) return { payload: await configMapContents(request, source.configMap, defaultMode) };
  if (source.secret !== undefined) return { payload: await secretContents(request, source.secret, defaultMode) };
  if (source.downwardAPI !== undefined) return { payload: downwardPayload(source.downwardAPI.items ?? [], defaultMode, volumeFacts(tools, request)) };
  if (source.serviceAccountToken !== undefined) return projectToken(tokens, request, source.serviceAccountToken, defaultMode);
  const name = Object.keys(source)[0] ?? 'unknown';
  throw new VolumeError('refused', `projected volume source ${JSON.stringify(name)} is not supported on this node`);
}

async function projectToken(
  tokens: Tokens,
  { pod, id }: VolumeRequest,
  { path, audience, expirationSeconds = 3_600 }: ServiceAccountTokenProjection,
  defaultMode: number,
): Promise<FollowedContents> {
  const account = spec(pod).serviceAccountName ?? 'default';
  const { token, renewAtMs } = await tokens.get({ pod: id, resource: serviceAccounts, account, audience: audience ?? '', expirationSeconds });
  const payload: Payload = new Map([[path, { bytes: new TextEncoder().encode(token), ...tokenOwner(pod, defaultMode) }]]);
  return { payload, againAtMs: renewAtMs };
}

/**
 * Who may read a token: with an fsGroup that group (mode 0600, the group's bit comes with the ownership); without one the user that
 * all containers run as, when it is one; else everybody in the pod.
 */
function tokenOwner(pod: VolumeRequest['pod'], defaultMode: number): { readonly mode: number; readonly uid?: number } {
  const security = spec(pod).securityContext;
  if (security?.fsGroup !== undefined) return { mode: 0o600 };
  const users = new Set(containersOf(pod).map((c) => c.spec.securityContext?.runAsUser ?? security?.runAsUser));
  const [user] = users;
  return users.size === 1 && user !== undefined ? { mode: 0o600, uid: user } : { mode: defaultMode };
}
