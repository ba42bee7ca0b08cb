import type { Pod, Secret } from '../../api/gen/types/core.v1.ts';
import type { Clock } from '../../base/clock.ts';
import type { EventRecorder } from '../../client/component.ts';
import { formatDuration } from '../../machinery/time.ts';
import { type BackOff, raised, remainingMs } from '../pods/back-off.ts';
import { containerPath, type PodContainer } from '../pods/pod.ts';
import { StartFailure } from '../pods/start-failure.ts';
import { CriError, type Image, type Images } from '../runtime/runtime.ts';
import { registryAuth } from './pull-secrets.ts';

export interface PullerOptions {
  readonly images: Images;
  readonly clock: Clock;
  readonly recorder: EventRecorder;
  /** Those of the pod's imagePullSecrets that are there. */
  readonly secrets: (pod: Pod) => Promise<readonly Secret[]>;
}

interface Failed {
  readonly backOff: BackOff;
  readonly atMs: number;
  readonly message: string;
}

/** Sees to it that a container's image is on the node, by its pull policy. The same image is pulled once at a time. */
export class Puller {
  readonly #options: PullerOptions;
  /** By pod UID and image. */
  readonly #failed = new Map<string, Failed>();
  readonly #pulling = new Map<string, Promise<string>>();

  constructor(options: PullerOptions) {
    this.#options = options;
  }

  /** Throws StartFailure; the events are written. */
  async ensure(pod: Pod, container: PodContainer): Promise<Image> {
    const image = container.spec.image ?? '';
    const policy = container.spec.imagePullPolicy ?? 'IfNotPresent';
    const found = await this.#find(pod, container, image);
    if (found !== undefined && policy !== 'Always') {
      this.#event(pod, container, 'Normal', 'Pulled', `Container image ${JSON.stringify(image)} already present on machine and can be accessed by the pod`);
      return found;
    }
    if (policy === 'Never') {
      const message = `Container image ${JSON.stringify(image)} is not present with pull policy of Never`;
      this.#event(pod, container, 'Warning', 'ErrImageNeverPull', message);
      throw new StartFailure('ErrImageNeverPull', message);
    }
    return this.#pull(pod, container, image);
  }

  forget(podUid: string): void {
    for (const key of this.#failed.keys()) if (key.startsWith(`${podUid}\n`)) this.#failed.delete(key);
  }

  async #find(pod: Pod, container: PodContainer, image: string): Promise<Image | undefined> {
    try {
      return await this.#options.images.find(image);
    } catch (thrown) {
      if (!(thrown instanceof CriError)) throw thrown;
      const invalid = thrown.code === 'invalid';
      const message = invalid
        ? `Failed to apply default image tag ${JSON.stringify(image)}: ${thrown.message}`
        : `Failed to inspect image ${JSON.stringify(image)}: ${thrown.message}`;
      this.#event(pod, container, 'Warning', invalid ? 'InspectFailed' : 'Failed', message);
      throw new StartFailure(invalid ? 'InvalidImageName' : 'ImageInspectError', message, thrown);
    }
  }

  async #pull(pod: Pod, container: PodContainer, image: string): Promise<Image> {
    const { clock, images } = this.#options;
    const key = `${pod.metadata?.uid ?? ''}\n${image}`;
    const before = this.#failed.get(key);
    if (before !== undefined && remainingMs(before.backOff, before.atMs, clock.now()) > 0) {
      const message = `Back-off pulling image ${JSON.stringify(image)}`;
      this.#event(pod, container, 'Normal', 'BackOff', message);
      this.#event(pod, container, 'Warning', 'Failed', 'Error: ImagePullBackOff');
      throw new StartFailure('ImagePullBackOff', `${message}: ErrImagePull: ${before.message}`);
    }
    this.#event(pod, container, 'Normal', 'Pulling', `Pulling image ${JSON.stringify(image)}`);
    const begunMs = clock.monotonic();
    try {
      await this.#pullOnce(image, await this.#options.secrets(pod));
      const found = await images.find(image);
      if (found === undefined) throw new CriError('image-missing', `image ${JSON.stringify(image)} is not there after it was pulled`);
      const took = formatDuration(Math.round(clock.monotonic() - begunMs));
      this.#event(
        pod,
        container,
        'Normal',
        'Pulled',
        `Successfully pulled image ${JSON.stringify(image)} in ${took} (${took} including waiting). Image size: ${found.sizeBytes} bytes.`,
      );
      this.#failed.delete(key);
      return found;
    } catch (thrown) {
      if (!(thrown instanceof CriError)) throw thrown;
      const nowMs = clock.now();
      this.#failed.set(key, { backOff: raised(before?.backOff, nowMs, nowMs), atMs: nowMs, message: thrown.message });
      this.#event(pod, container, 'Warning', 'Failed', `Failed to pull image ${JSON.stringify(image)}: ${thrown.message}`);
      this.#event(pod, container, 'Warning', 'Failed', 'Error: ErrImagePull');
      throw new StartFailure('ErrImagePull', thrown.message, thrown);
    }
  }

  /** Wall time at which a pull of this image may be tried again. */
  retryAtMs(podUid: string, image: string): number {
    const failed = this.#failed.get(`${podUid}\n${image}`);
    return failed === undefined ? 0 : failed.atMs + failed.backOff.delayMs;
  }

  #pullOnce(image: string, secrets: readonly Secret[]): Promise<string> {
    const under = this.#pulling.get(image);
    if (under !== undefined) return under;
    const pull = this.#options.images.pull(image, registryAuth(image, secrets)).finally(() => this.#pulling.delete(image));
    this.#pulling.set(image, pull);
    return pull;
  }

  #event(pod: Pod, { spec: { name } }: PodContainer, type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#options.recorder.event(pod, type, reason, message, containerPath(pod, name));
  }
}
