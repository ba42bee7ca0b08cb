import { pods } from '../../api/gen/resources.ts';
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { StatusError } from '../../machinery/status-error.ts';
import { podLogDirectory } from '../containers/container-config.ts';
import type { Container } from '../runtime/runtime.ts';
import type { NodeParts } from './parts.ts';
import { identity } from './pod.ts';

/** The pod has ended and its volumes are taken down: its object may go. One of another UID is left alone. */
export async function deleteFromApi({ options: { client } }: NodeParts, pod: Pod): Promise<void> {
  const { uid, name, namespace } = identity(pod);
  try {
    await client.delete(pods, name, namespace, { gracePeriodSeconds: 0, preconditions: { uid } });
  } catch (thrown) {
    if (thrown instanceof StatusError && (thrown.reason === 'NotFound' || thrown.reason === 'Conflict')) return;
    throw thrown;
  }
}

/** What the runtime and the disk still keep of a pod that is gone: containers, sandboxes, logs. Repeat after a failure. */
export async function removeRemains(parts: NodeParts, pod: Pod): Promise<void> {
  const { options, runtime } = parts;
  const { uid } = identity(pod);
  for (const { id } of runtime.ofPod(uid).containers) {
    await options.runtime.removeContainer(id);
    runtime.forget(id);
  }
  for (const { id } of runtime.ofPod(uid).sandboxes) await removeSandbox(parts, id);
  await options.host.files.removeTree(podLogDirectory(options, pod));
  parts.puller.forget(uid);
}

/** One dead container, with its log and those that were rotated away from it. */
export async function removeContainer({ options, runtime }: NodeParts, { id, logPath }: Container): Promise<void> {
  await options.runtime.removeContainer(id);
  runtime.forget(id);
  if (logPath === '') return;
  await options.host.files.removeFile(logPath);
  for (let n = 1; n < options.logs.maxFiles; n++) await options.host.files.removeFile(`${logPath}.${n}`);
}

/** One that is not ready any more, and holds no container. */
export async function removeSandbox({ options, runtime }: NodeParts, id: string): Promise<void> {
  await options.runtime.removeSandbox(id);
  runtime.forget(id);
}
