import { createHash } from 'node:crypto';
import { type ImageConfig, type Index, type Manifest, MEDIA } from './oci.ts';

/** A file, directory (name ends with a slash) or symbolic link of a one-layer image. Owner root, time 0. */
export interface ImageFile {
  readonly name: string;
  /** Permission bits. */
  readonly mode: number;
  readonly bytes?: Uint8Array;
  readonly linkTo?: string;
}

export interface ImageRecipe {
  /** Normalised: `docker.io/library/busybox:1.36`. */
  readonly name: string;
  readonly architecture: string;
  readonly files: readonly ImageFile[];
  readonly config: NonNullable<ImageConfig['config']>;
}

/** An OCI archive with one image of one uncompressed layer. The same recipe gives the same bytes. */
export function buildOciArchive({ name, architecture, files, config }: ImageRecipe): Buffer {
  const layer = tar(files);
  const configBytes = json({ architecture, os: 'linux', config, rootfs: { type: 'layers', diff_ids: [digest(layer)] } } satisfies ImageConfig);
  const manifest = json({
    schemaVersion: 2,
    mediaType: MEDIA.manifest,
    config: { mediaType: MEDIA.config, digest: digest(configBytes), size: configBytes.length },
    layers: [{ mediaType: MEDIA.layer, digest: digest(layer), size: layer.length }],
  } satisfies Manifest);
  const index = json({
    schemaVersion: 2,
    mediaType: MEDIA.index,
    manifests: [
      {
        mediaType: MEDIA.manifest,
        digest: digest(manifest),
        size: manifest.length,
        annotations: { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name.slice(name.lastIndexOf(':') + 1) },
        platform: { architecture, os: 'linux' },
      },
    ],
  } satisfies Index);
  const blobs = [layer, configBytes, manifest].map((bytes) => ({ name: `blobs/sha256/${digest(bytes).slice('sha256:'.length)}`, mode: 0o644, bytes }));
  return tar([
    { name: 'oci-layout', mode: 0o644, bytes: json({ imageLayoutVersion: '1.0.0' }) },
    { name: 'index.json', mode: 0o644, bytes: index },
    { name: 'blobs/', mode: 0o755 },
    { name: 'blobs/sha256/', mode: 0o755 },
    ...blobs,
  ]);
}

export function digest(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** POSIX ustar. Names of at most 100 bytes, as all here are; longer ones are refused. */
export function tar(files: readonly ImageFile[]): Buffer {
  const parts: Buffer[] = [];
  for (const { name, mode, bytes, linkTo } of files) {
    if (Buffer.byteLength(name) > 100 || Buffer.byteLength(linkTo ?? '') > 100) throw new Error(`the name is too long for this tar: ${name}`);
    const header = Buffer.alloc(512);
    const octal = (value: number, at: number, length: number): void => void header.write(value.toString(8).padStart(length - 1, '0'), at, 'latin1');
    header.write(name, 0);
    octal(mode, 100, 8);
    octal(0, 108, 8);
    octal(0, 116, 8);
    octal(bytes?.length ?? 0, 124, 12);
    octal(0, 136, 12);
    header.write(linkTo !== undefined ? '2' : name.endsWith('/') ? '5' : '0', 156);
    header.write(linkTo ?? '', 157);
    header.write('ustar\0', 257);
    header.write('00', 263);
    header.fill(0x20, 148, 156);
    let sum = 0;
    for (const byte of header) sum += byte;
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    parts.push(header);
    if (bytes !== undefined) parts.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), Buffer.alloc((512 - (bytes.length % 512)) % 512));
  }
  parts.push(Buffer.alloc(1024));
  return Buffer.concat(parts);
}
