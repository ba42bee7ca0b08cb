import type { KeyToPath } from '../../api/gen/types/core.v1.ts';
import { followerPlugin } from './follower.ts';
import { configMapPayload, EMPTY_PAYLOAD, type Payload } from './payload.ts';
import { VolumeError, type VolumePlugin, type VolumeRequest, type VolumeTools } from './volume.ts';

export function configMapPlugin(tools: VolumeTools): VolumePlugin {
  return followerPlugin(tools, {
    name: 'kubernetes.io/configmap',
    inMemory: false,
    supports: (volume) => volume.configMap !== undefined,
    contents: async (request) => {
      const source = request.volume.configMap ?? {};
      return { payload: await configMapContents(request, source, source.defaultMode ?? 0o644) };
    },
  });
}

/** Also for projected volumes. */
export async function configMapContents(
  { id, follow }: VolumeRequest,
  {
    name = '',
    items,
    optional = false,
  }: { readonly name?: string | undefined; readonly items?: readonly KeyToPath[] | undefined; readonly optional?: boolean | undefined },
  defaultMode: number,
): Promise<Payload> {
  const found = await follow.configMap(id, name);
  if (found !== undefined) return configMapPayload(found, { items, defaultMode, optional });
  if (optional) return EMPTY_PAYLOAD;
  throw new VolumeError('failed', `configmap ${JSON.stringify(name)} not found`);
}
