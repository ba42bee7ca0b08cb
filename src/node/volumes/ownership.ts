import type { PodSecurityContext } from '../../api/gen/types/core.v1.ts';
import type { Host } from '../../host/host.ts';

/** Gives a volume to the pod's fsGroup, when it has one, by its policy. */
export async function ownForGroup(host: Host, path: string, security: PodSecurityContext | undefined): Promise<void> {
  const gid = security?.fsGroup;
  if (gid === undefined) return;
  await host.files.ownTree(path, { gid, policy: security?.fsGroupChangePolicy === 'OnRootMismatch' ? 'OnRootMismatch' : 'Always' });
}
