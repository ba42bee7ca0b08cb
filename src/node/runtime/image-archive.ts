import type { FileHandle } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { normalizeImageName, parseImageName } from './image-name.ts';
import { type Descriptor, type ImageConfig, type Index, type Manifest, MEDIA } from './oci.ts';
import { readTarIndex, type TarEntry, TarError } from './tar-index.ts';

/** What an archive holds, worked out before anything is stored. */
export interface ImageArchive {
  readonly images: readonly ArchiveImage[];
  readonly blobs: ReadonlyMap<string, ArchiveBlob>;
}

export interface ArchiveImage {
  /** Normalised, at least one. */
  readonly names: readonly string[];
  readonly target: Descriptor;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  /** Digests of the uncompressed layers, as many as layers. */
  readonly diffIds: readonly string[];
}

/** Bytes by their digest: a range of the archive, or made here. */
export interface ArchiveBlob {
  readonly digest: string;
  readonly sizeBytes: number;
  readonly source: TarEntry | Uint8Array;
}

export interface ArchiveSource {
  readonly file: FileHandle;
  readonly sizeBytes: number;
  /** Names an image that carries only a tag, or nothing. */
  readonly baseName: string;
  /** In OCI's words. */
  readonly architecture: string;
}

/** What is wrong with an archive, as a clause after its path: "is cut short at byte 512". */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError';
}

const LONGEST_JSON_BYTES = 8 * 1024 * 1024;
const CHUNK_BYTES = 512 * 1024;
const DEEPEST_INDEX = 4;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Reads headers and JSON of a docker-archive or OCI archive, not its layers. Throws ArchiveError. */
export async function readImageArchive(source: ArchiveSource): Promise<ImageArchive> {
  let entries: Map<string, TarEntry>;
  try {
    entries = await readTarIndex(source.file, source.sizeBytes);
  } catch (thrown) {
    if (thrown instanceof TarError) throw new ArchiveError(thrown.message);
    throw thrown;
  }
  if (entries.has('index.json')) return new OciReader(source, entries).read();
  if (entries.has('manifest.json')) return readDockerArchive(source, entries);
  throw new ArchiveError('is no image archive: it has neither index.json (OCI) nor manifest.json (docker)');
}

class OciReader {
  readonly #source: ArchiveSource;
  readonly #entries: ReadonlyMap<string, TarEntry>;
  readonly #blobs = new Map<string, ArchiveBlob>();

  constructor(source: ArchiveSource, entries: ReadonlyMap<string, TarEntry>) {
    this.#source = source;
    this.#entries = entries;
  }

  async read(): Promise<ImageArchive> {
    const index = await readJson<Index>(this.#source, this.#entries, 'index.json');
    if (!isDescriptors(index.manifests) || index.manifests.length === 0) throw new ArchiveError('has an index.json without manifests');
    const images: ArchiveImage[] = [];
    for (const descriptor of index.manifests) {
      const image = await this.#image(descriptor, 0);
      if (image !== undefined) images.push({ ...image, names: [this.#name(descriptor)] });
    }
    if (images.length === 0) throw new ArchiveError(`has no image for linux/${this.#source.architecture}`);
    return { images: merge(images), blobs: this.#blobs };
  }

  /** Undefined when it is for another machine, or no image (an attestation). */
  async #image(descriptor: Descriptor, depth: number): Promise<Omit<ArchiveImage, 'names'> | undefined> {
    const { platform } = descriptor;
    if (platform !== undefined && (platform.os !== 'linux' || platform.architecture !== this.#source.architecture)) return undefined;
    const name = blobName(descriptor);
    const document = await readJson<Manifest & Index>(this.#source, this.#entries, name);
    if (isDescriptors(document.manifests)) {
      if (depth >= DEEPEST_INDEX) throw new ArchiveError('has indexes nested too deeply');
      for (const inner of document.manifests) {
        // Archives of one platform keep the whole index: only what is there can be meant.
        const found = this.#entries.has(blobName(inner)) ? await this.#image(inner, depth + 1) : undefined;
        if (found !== undefined) return found;
      }
      return undefined;
    }
    if (!isDescriptor(document.config) || !isDescriptors(document.layers))
      throw new ArchiveError(`has a manifest ${descriptor.digest} without config or layers`);
    const config = await readJson<ImageConfig>(this.#source, this.#entries, blobName(document.config));
    if (config.rootfs === undefined) return undefined;
    checkLayers(config, document.layers.length);
    for (const blob of [descriptor, document.config, ...document.layers]) this.#add(blob);
    return {
      target: { mediaType: document.mediaType ?? descriptor.mediaType ?? MEDIA.manifest, digest: descriptor.digest, size: this.#size(descriptor) },
      config: document.config,
      layers: document.layers,
      diffIds: config.rootfs.diff_ids,
    };
  }

  #size(descriptor: Descriptor): number {
    return this.#blobs.get(descriptor.digest)?.sizeBytes ?? descriptor.size;
  }

  #add(descriptor: Descriptor): void {
    const entry = this.#entries.get(blobName(descriptor));
    if (entry === undefined) throw new ArchiveError(`lacks the blob ${descriptor.digest}`);
    if (entry.sizeBytes !== descriptor.size)
      throw new ArchiveError(`has ${entry.sizeBytes} bytes of the blob ${descriptor.digest}, which should have ${descriptor.size}`);
    this.#blobs.set(descriptor.digest, { digest: descriptor.digest, sizeBytes: entry.sizeBytes, source: entry });
  }

  /** Full names as containerd and docker write them; a bare tag, as the OCI layout has it, goes behind the file's name. */
  #name({ annotations }: Descriptor): string {
    const given = annotations?.['io.containerd.image.name'] ?? annotations?.['org.opencontainers.image.ref.name'] ?? '';
    const full = /[/:@]/.test(given) ? given : `${this.#source.baseName}:${given === '' ? 'latest' : given}`;
    const name = normalizeImageName(full);
    if (name === undefined) throw new ArchiveError(`names an image ${JSON.stringify(full)}, which is not an image name`);
    return name;
  }
}

/** `docker save` before OCI: manifest.json lists config files, tags and layer files; layers are digested here. */
async function readDockerArchive(source: ArchiveSource, entries: ReadonlyMap<string, TarEntry>): Promise<ImageArchive> {
  const list = await readJson<unknown>(source, entries, 'manifest.json');
  if (!Array.isArray(list) || list.length === 0) throw new ArchiveError('has an empty manifest.json');
  const blobs = new Map<string, ArchiveBlob>();
  const images: ArchiveImage[] = [];
  for (const item of list as readonly unknown[]) {
    if (!isDockerItem(item)) throw new ArchiveError('has a manifest.json without Config or Layers');
    const config = await readJson<ImageConfig>(source, entries, item.Config);
    checkLayers(config, item.Layers.length);
    const add = async (name: string): Promise<ArchiveBlob> => {
      const entry = entryOf(entries, name);
      const blob = { digest: await digestRange(source.file, entry), sizeBytes: entry.sizeBytes, source: entry };
      blobs.set(blob.digest, blob);
      return blob;
    };
    const configBlob = await add(item.Config);
    const layers: Descriptor[] = [];
    for (const name of item.Layers) {
      const blob = await add(name);
      layers.push({
        mediaType: (await isGzip(source.file, entryOf(entries, name))) ? MEDIA.gzipLayer : MEDIA.layer,
        digest: blob.digest,
        size: blob.sizeBytes,
      });
    }
    const configDescriptor = { mediaType: MEDIA.config, digest: configBlob.digest, size: configBlob.sizeBytes };
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA.manifest, config: configDescriptor, layers } satisfies Manifest));
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    blobs.set(digest, { digest, sizeBytes: bytes.length, source: bytes });
    images.push({
      names: dockerNames(item.RepoTags ?? [], source.baseName),
      target: { mediaType: MEDIA.manifest, digest, size: bytes.length },
      config: configDescriptor,
      layers,
      diffIds: config.rootfs.diff_ids,
    });
  }
  return { images, blobs };
}

function dockerNames(tags: readonly string[], baseName: string): readonly string[] {
  return (tags.length === 0 ? [`${baseName}:latest`] : tags).map((tag) => {
    const name = normalizeImageName(tag);
    if (name === undefined || parseImageName(tag)?.tag === '') throw new ArchiveError(`names an image ${JSON.stringify(tag)}, which is not an image name`);
    return name;
  });
}

/** Images of the same manifest become one with several names. */
function merge(images: readonly ArchiveImage[]): readonly ArchiveImage[] {
  const byDigest = new Map<string, ArchiveImage>();
  for (const image of images) {
    const known = byDigest.get(image.target.digest);
    byDigest.set(image.target.digest, known === undefined ? image : { ...known, names: [...new Set([...known.names, ...image.names])] });
  }
  return [...byDigest.values()];
}

function checkLayers(config: ImageConfig, layers: number): void {
  const ids = config.rootfs?.diff_ids;
  if (!Array.isArray(ids) || ids.length !== layers || !ids.every((id) => typeof id === 'string' && DIGEST.test(id))) {
    throw new ArchiveError(`has a configuration that does not fit its ${layers} layers`);
  }
}

function isDescriptor(value: unknown): value is Descriptor {
  if (!isObject(value)) return false;
  const { digest, mediaType = '', platform = {}, annotations = {} } = value;
  return (
    typeof digest === 'string' &&
    typeof mediaType === 'string' &&
    isObject(platform) &&
    isObject(annotations) &&
    Object.values(annotations).every((text) => typeof text === 'string')
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isDescriptors(value: unknown): value is readonly Descriptor[] {
  return Array.isArray(value) && value.every(isDescriptor);
}

interface DockerItem {
  readonly Config: string;
  readonly RepoTags?: readonly string[] | null;
  readonly Layers: readonly string[];
}

function isDockerItem(value: unknown): value is DockerItem {
  const isTexts = (list: unknown): list is readonly string[] => Array.isArray(list) && list.every((text) => typeof text === 'string');
  if (typeof value !== 'object' || value === null) return false;
  const { Config, RepoTags, Layers } = value as Partial<Record<keyof DockerItem, unknown>>;
  return typeof Config === 'string' && isTexts(Layers) && (RepoTags === undefined || RepoTags === null || isTexts(RepoTags));
}

function blobName({ digest }: Descriptor): string {
  if (typeof digest !== 'string' || !DIGEST.test(digest)) throw new ArchiveError(`refers to ${JSON.stringify(digest)}, which is not a sha256 digest`);
  return `blobs/sha256/${digest.slice('sha256:'.length)}`;
}

function entryOf(entries: ReadonlyMap<string, TarEntry>, name: string): TarEntry {
  const entry = entries.get(name);
  if (entry === undefined) throw new ArchiveError(`lacks ${name}`);
  return entry;
}

async function readJson<T>({ file }: ArchiveSource, entries: ReadonlyMap<string, TarEntry>, name: string): Promise<T> {
  const entry = entryOf(entries, name);
  if (entry.sizeBytes > LONGEST_JSON_BYTES) throw new ArchiveError(`has a ${name} of ${entry.sizeBytes} bytes`);
  const bytes = Buffer.alloc(entry.sizeBytes);
  await file.read(bytes, 0, bytes.length, entry.offset);
  let value: unknown;
  try {
    // As whoever wrote it reads it: null is what is not there.
    value = JSON.parse(bytes.toString('utf8'), function (this: unknown, _key, item: unknown) {
      return Array.isArray(this) ? item : (item ?? undefined);
    });
  } catch (thrown) {
    throw new ArchiveError(`has a ${name} that is not JSON`, { cause: thrown });
  }
  if (typeof value !== 'object' || value === null) throw new ArchiveError(`has a ${name} that is not an object`);
  return value as T;
}

/** The bytes of a range, in pieces that the caller may keep until it asks for the next. */
export async function* readRange(file: FileHandle, { offset, sizeBytes }: TarEntry): AsyncGenerator<Uint8Array> {
  for (let done = 0; done < sizeBytes; ) {
    const piece = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, sizeBytes - done));
    const { bytesRead } = await file.read(piece, 0, piece.length, offset + done);
    if (bytesRead === 0) throw new ArchiveError(`is cut short at byte ${offset + done}`);
    done += bytesRead;
    yield piece.subarray(0, bytesRead);
  }
}

async function digestRange(file: FileHandle, entry: TarEntry): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of readRange(file, entry)) hash.update(piece);
  return `sha256:${hash.digest('hex')}`;
}

async function isGzip(file: FileHandle, entry: TarEntry): Promise<boolean> {
  const magic = Buffer.alloc(2);
  await file.read(magic, 0, 2, entry.offset);
  return magic[0] === 0x1f && magic[1] === 0x8b;
}
