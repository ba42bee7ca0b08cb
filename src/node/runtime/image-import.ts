import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { createHash } from 'node:crypto';
import { GRPC, type GrpcChannel, isGrpcError } from './grpc.ts';
import { type ArchiveBlob, ArchiveError, type ArchiveImage, type ImageArchive, readImageArchive, readRange } from './image-archive.ts';
import type { FileHandle } from 'node:fs/promises';
import type { Descriptor } from './oci.ts';
import { CriError } from './runtime.ts';
import { CONTENT, DIFF, IMAGES, LEASES, SNAPSHOTS } from './services.ts';

export interface ImportOptions {
  /** Of containerd's own services, in the namespace of its CRI plugin. */
  readonly channel: GrpcChannel;
  readonly path: string;
  readonly snapshotter: string;
  readonly architecture: string;
  /** For an archive that is compressed as a whole. */
  readonly temporaryDirectory: string;
  /** Unique among imports that run at the same time. */
  readonly leaseId: string;
}

/** What is collected when a lease that was left behind (a crash) is found: an hour is more than any import takes. */
const LEASE_EXPIRY_LABEL = 'containerd.io/gc.expire';
const LEASE_LIFE_MS = 60 * 60 * 1000;

/**
 * Brings the images of an archive into containerd, unpacked. A lease keeps what is written until the images refer to it; when
 * anything fails the lease goes, and containerd collects all of it. Throws CriError `image-archive`; gives the names.
 */
export async function importImages(options: ImportOptions, nowMs: number): Promise<readonly string[]> {
  const { channel, path, leaseId } = options;
  await using archive = await openArchive(path, options);
  const labels = { [LEASE_EXPIRY_LABEL]: new Date(nowMs + LEASE_LIFE_MS).toISOString() };
  await channel.unary(LEASES, 'Create', { id: leaseId, labels });
  try {
    const names: string[] = [];
    const store = new Store(options, archive.file);
    for (const image of archive.images) names.push(...(await store.add(image, archive.blobs)));
    return names;
  } catch (thrown) {
    if (thrown instanceof ArchiveError) throw new CriError('image-archive', `image archive ${path} ${thrown.message}`, thrown);
    throw thrown;
  } finally {
    await channel.unary(LEASES, 'Delete', { id: leaseId, sync: true });
  }
}

/** Opens it, through a decompressed copy where the whole file is gzip. */
async function openArchive(
  path: string,
  { temporaryDirectory, architecture }: ImportOptions,
): Promise<ImageArchive & { readonly file: FileHandle } & AsyncDisposable> {
  let copy: string | undefined;
  let file: FileHandle | undefined;
  const close = async (): Promise<void> => {
    await file?.close();
    if (copy !== undefined) await rm(copy, { recursive: true, force: true });
  };
  try {
    file = await open(path, 'r');
    const magic = Buffer.alloc(2);
    await file.read(magic, 0, 2, 0);
    if (magic[0] === 0x1f && magic[1] === 0x8b) {
      await file.close();
      file = undefined;
      copy = await mkdtemp(join(temporaryDirectory, 'image-'));
      const plain = join(copy, 'archive.tar');
      try {
        await pipeline(createReadStream(path), createGunzip(), createWriteStream(plain, { mode: 0o600 }));
      } catch (thrown) {
        throw new ArchiveError(`cannot be decompressed: ${(thrown as Error).message}`, { cause: thrown });
      }
      file = await open(plain, 'r');
    }
    const stat = await file.stat();
    if (!stat.isFile()) throw new ArchiveError('is not a file');
    const baseName = basename(path)
      .toLowerCase()
      .replace(/(\.tar)?(\.gz|\.tgz)?$/, '')
      .replace(/[^a-z0-9.-]+/g, '-')
      .replace(/^[.-]+|[.-]+$/g, '');
    const archive = await readImageArchive({ file, sizeBytes: stat.size, baseName: baseName === '' ? 'image' : baseName, architecture });
    return { ...archive, file, [Symbol.asyncDispose]: close };
  } catch (thrown) {
    await close();
    if (thrown instanceof ArchiveError) throw new CriError('image-archive', `image archive ${path} ${thrown.message}`, thrown);
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
    if (typeof code === 'string') throw new CriError('image-archive', `image archive ${path} cannot be read: ${(thrown as Error).message}`, thrown);
    throw thrown;
  }
}

class Store {
  readonly #options: ImportOptions;
  readonly #file: FileHandle;
  readonly #lease: { readonly metadata: Readonly<Record<string, string>> };

  constructor(options: ImportOptions, file: FileHandle) {
    this.#options = options;
    this.#file = file;
    this.#lease = { metadata: { 'containerd-lease': options.leaseId } };
  }

  async add(image: ArchiveImage, blobs: ReadonlyMap<string, ArchiveBlob>): Promise<readonly string[]> {
    const blob = (descriptor: Descriptor): ArchiveBlob => {
      const found = blobs.get(descriptor.digest);
      if (found === undefined) throw new ArchiveError(`lacks the blob ${descriptor.digest}`);
      return found;
    };
    for (const [i, layer] of image.layers.entries()) await this.#write(blob(layer), { 'containerd.io/uncompressed': image.diffIds[i] as string });
    const chainId = await this.#unpack(image);
    // What an object refers to is kept by labels on it: containerd docs/garbage-collection.md.
    await this.#write(blob(image.config), { [`containerd.io/gc.ref.snapshot.${this.#options.snapshotter}`]: chainId });
    await this.#write(blob(image.target), {
      'containerd.io/gc.ref.content.config': image.config.digest,
      ...Object.fromEntries(image.layers.map((layer, i) => [`containerd.io/gc.ref.content.l.${i}`, layer.digest])),
    });
    for (const name of image.names) await this.#name(name, image.target);
    return image.names;
  }

  async #write({ digest, sizeBytes, source }: ArchiveBlob, labels: Readonly<Record<string, string>>): Promise<void> {
    const { channel, leaseId } = this.#options;
    const ref = `${leaseId}-${digest}`;
    using call = channel.duplex(CONTENT, 'Write', this.#lease);
    try {
      let offset = 0;
      const pieces = source instanceof Uint8Array ? [source] : readRange(this.#file, source);
      for await (const data of pieces) {
        await call.write({ action: 'WRITE', ref, total: sizeBytes, expected: digest, offset, data });
        await this.#answer(call.messages);
        offset += data.length;
      }
      await call.write({ action: 'COMMIT', ref, total: sizeBytes, expected: digest, offset, labels });
      await this.#answer(call.messages);
      call.end();
    } catch (thrown) {
      if (isGrpcError(thrown) && thrown.code === GRPC.alreadyExists) return this.#label(digest, labels);
      await channel.unary(CONTENT, 'Abort', { ref }, this.#lease).catch((aborted: unknown) => {
        if (!isGrpcError(aborted) || aborted.code !== GRPC.notFound) throw aborted;
      });
      if (isGrpcError(thrown) && thrown.code === GRPC.failedPrecondition)
        throw new ArchiveError(`has a damaged blob ${digest}: ${thrown.details}`, { cause: thrown });
      throw thrown;
    }
  }

  async #answer(messages: AsyncIterator<unknown>): Promise<void> {
    const { done } = await messages.next();
    if (done === true) throw new CriError('internal', 'containerd ended a write before it was answered');
  }

  /** The blob was there before: only its labels are added. */
  async #label(digest: string, labels: Readonly<Record<string, string>>): Promise<void> {
    const paths = Object.keys(labels).map((key) => `labels.${key}`);
    await this.#options.channel.unary(CONTENT, 'Update', { info: { digest, labels }, update_mask: { paths } }, this.#lease);
  }

  /** Applies each layer on the one below; gives the top's name: the chain id of the OCI image specification. */
  async #unpack(image: ArchiveImage): Promise<string> {
    let parent = '';
    for (const [i, layer] of image.layers.entries()) {
      const diffId = image.diffIds[i] as string;
      const chainId = parent === '' ? diffId : `sha256:${createHash('sha256').update(`${parent} ${diffId}`).digest('hex')}`;
      if (!(await found(this.#options.channel.unary(SNAPSHOTS, 'Stat', { snapshotter: this.#options.snapshotter, key: chainId })))) {
        await this.#apply(layer, diffId, { parent, chainId });
      }
      parent = chainId;
    }
    return parent;
  }

  async #apply(layer: Descriptor, diffId: string, { parent, chainId }: { readonly parent: string; readonly chainId: string }): Promise<void> {
    const { channel, snapshotter, leaseId } = this.#options;
    const key = `extract-${leaseId} ${chainId}`;
    const { mounts } = await channel.unary(SNAPSHOTS, 'Prepare', { snapshotter, key, parent }, this.#lease);
    try {
      const diff = { media_type: layer.mediaType, digest: layer.digest, size: layer.size };
      const { applied } = await channel.unary(DIFF, 'Apply', { diff, mounts }, this.#lease);
      if (applied?.digest !== diffId) throw new ArchiveError(`has a layer ${layer.digest} that unpacks to ${applied?.digest}, not to ${diffId}`);
      await channel.unary(SNAPSHOTS, 'Commit', { snapshotter, name: chainId, key }, this.#lease);
    } catch (thrown) {
      await found(channel.unary(SNAPSHOTS, 'Remove', { snapshotter, key }, this.#lease));
      // Another import unpacked it meanwhile.
      if (isGrpcError(thrown) && thrown.code === GRPC.alreadyExists) return;
      // containerd says no more than "unknown" of a layer that it cannot read; its own faults have other codes.
      if (isGrpcError(thrown) && thrown.code === GRPC.unknown && !/no space left/.test(thrown.details)) {
        throw new ArchiveError(`has a layer ${layer.digest} that cannot be unpacked: ${thrown.details}`, { cause: thrown });
      }
      throw thrown;
    }
  }

  async #name(name: string, { mediaType, digest, size }: Descriptor): Promise<void> {
    const image = { name, target: { media_type: mediaType, digest, size } };
    try {
      await this.#options.channel.unary(IMAGES, 'Create', { image }, this.#lease);
    } catch (thrown) {
      if (!isGrpcError(thrown) || thrown.code !== GRPC.alreadyExists) throw thrown;
      await this.#options.channel.unary(IMAGES, 'Update', { image, update_mask: { paths: ['target'] } }, this.#lease);
    }
  }
}

/** False when the answer is NotFound. */
async function found(answer: Promise<unknown>): Promise<boolean> {
  try {
    await answer;
    return true;
  } catch (thrown) {
    if (isGrpcError(thrown) && thrown.code === GRPC.notFound) return false;
    throw thrown;
  }
}
