import { statfs } from 'node:fs/promises';
import type { Clock } from '../../base/clock.ts';
import { sleep } from '../../base/clock.ts';
import { type Random, uuid } from '../../base/random.ts';
import { cri, criOrGone, toCriError } from './cri-error.ts';
import type { Image as CriImage } from './gen/cri.types.ts';
import type { GrpcChannel } from './grpc.ts';
import { importImages } from './image-import.ts';
import { invalidImageName, normalizeImageName } from './image-name.ts';
import { CriError, type Image, type Images, type RegistryAuth } from './runtime.ts';
import { IMAGE } from './services.ts';

export interface ContainerdImagesOptions {
  readonly cri: GrpcChannel;
  readonly own: GrpcChannel;
  readonly clock: Clock;
  readonly random: Random;
  readonly snapshotter: string;
  readonly architecture: string;
  readonly temporaryDirectory: string;
  /** Shown to nobody and never removed. */
  readonly sandboxImage: string;
}

const CALL_TIMEOUT_MS = 30_000;
const NOTICE_TIMEOUT_MS = 10_000;
const PULL_TIMEOUT_MS = 60 * 60 * 1000;

export class ContainerdImages implements Images {
  readonly #options: ContainerdImagesOptions;

  constructor(options: ContainerdImagesOptions) {
    this.#options = options;
  }

  async find(image: string): Promise<Image | undefined> {
    // An id, in full or shortened, stays as it is.
    const name = /^(sha256:)?[0-9a-f]{12,64}$/.test(image) ? image : normalizeImageName(image);
    if (name === undefined) throw new CriError('invalid', invalidImageName(image));
    const answer = await criOrGone(this.#options.cri.unary(IMAGE, 'ImageStatus', { image: { image: name } }, { timeoutMs: CALL_TIMEOUT_MS }));
    return answer?.image === undefined || answer.image === null ? undefined : readImage(answer.image);
  }

  async list(): Promise<readonly Image[]> {
    const { images } = await cri(this.#options.cri.unary(IMAGE, 'ListImages', {}, { timeoutMs: CALL_TIMEOUT_MS }));
    return images.filter(({ repo_tags }) => !repo_tags.includes(this.#options.sandboxImage)).map(readImage);
  }

  async pull(image: string, auth: RegistryAuth | undefined): Promise<string> {
    const name = normalizeImageName(image);
    if (name === undefined) throw new CriError('invalid', invalidImageName(image));
    const request = { image: { image: name }, auth: auth === undefined ? undefined : { username: auth.username, password: auth.password } };
    try {
      const { image_ref } = await this.#options.cri.unary(IMAGE, 'PullImage', request, { timeoutMs: PULL_TIMEOUT_MS });
      return image_ref;
    } catch (thrown) {
      const error = toCriError(thrown);
      const known = error instanceof CriError && (error.code === 'unavailable' || error.code === 'invalid');
      throw known ? error : new CriError('image-pull', error.message, thrown);
    }
  }

  async load(path: string): Promise<readonly string[]> {
    const { own, clock, random, snapshotter, architecture, temporaryDirectory } = this.#options;
    const leaseId = `berth-import-${uuid(random)}`;
    const names = await cri(importImages({ channel: own, path, snapshotter, architecture, temporaryDirectory, leaseId }, clock.now()));
    // The CRI plugin hears of new images by an event and indexes them after it: the load has ended when it shows them.
    const deadlineMs = clock.monotonic() + NOTICE_TIMEOUT_MS;
    for (const name of names) {
      for (let pauseMs = 1; (await this.find(name)) === undefined; pauseMs = Math.min(pauseMs * 2, 100)) {
        if (clock.monotonic() > deadlineMs) throw new CriError('internal', `containerd does not show the image ${name} that was just loaded`);
        await sleep(clock, pauseMs);
      }
    }
    return names;
  }

  async remove(image: string): Promise<void> {
    const found = await this.find(image);
    if (found === undefined) return;
    if (found.names.includes(this.#options.sandboxImage)) throw new CriError('invalid', `the image ${image} is in use by every pod`);
    await criOrGone(this.#options.cri.unary(IMAGE, 'RemoveImage', { image: { image: found.id } }, { timeoutMs: CALL_TIMEOUT_MS }));
  }

  async usage(): Promise<{ readonly usedBytes: number; readonly availableBytes: number }> {
    const { image_filesystems } = await cri(this.#options.cri.unary(IMAGE, 'ImageFsInfo', {}, { timeoutMs: CALL_TIMEOUT_MS }));
    const [first] = image_filesystems;
    const mountpoint = first?.fs_id?.mountpoint;
    if (first === undefined || mountpoint === undefined) throw new CriError('internal', 'containerd names no image file system');
    const { bavail, bsize } = await statfs(mountpoint);
    return { usedBytes: first.used_bytes?.value ?? 0, availableBytes: bavail * bsize };
  }
}

function readImage({ id, repo_tags, repo_digests, size, uid, username }: CriImage): Image {
  return {
    id,
    names: repo_tags,
    digests: repo_digests,
    sizeBytes: size,
    user: { ...(uid === null ? {} : { uid: uid.value }), ...(username === '' ? {} : { name: username }) },
  };
}
