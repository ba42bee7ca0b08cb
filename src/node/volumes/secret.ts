import type { KeyToPath } from '../../api/gen/types/core.v1.ts';
import { followerPlugin } from './follower.ts';
import { EMPTY_PAYLOAD, type Payload, secretPayload } from './payload.ts';
import { VolumeError, type VolumePlugin, type VolumeRequest, type VolumeTools } from './volume.ts';

/** In memory only: a secret never reaches the node's disk. */
export function secretPlugin(tools: VolumeTools): VolumePlugin {
  return followerPlugin(tools, {
    name: 'kubernetes.io/secret',
    inMemory: true,
    supports: (volume) => volume.secret !== undefined,
    contents: async (request) => {
      const { secretName, ...source } = request.volume.secret ?? {};
      return { payload: await secretContents(request, { ...source, name: secretName }, source.defaultMode ?? 0o644) };
    },
  });
}

/** Also for projected volumes. */
export async function secretContents(
  { id, follow }: VolumeRequest,
  {
    name = '',
    items,
    optional = false,
  }: { readonly name?: string | undefined; readonly items?: readonly KeyToPath[] | undefined; readonly optional?: boolean | undefined },
  defaultMode: number,
): Promise<Payload> {
  const found = await follow.secret(id, name);
  if (found !== undefined) return secretPayload(found, { items, defaultMode, optional });
  if (optional) return EMPTY_PAYLOAD;
  throw new VolumeError('failed', `secret ${JSON.stringify(name)} not found`);
}
