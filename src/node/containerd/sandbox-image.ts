import { readFile } from 'node:fs/promises';
import { buildOciArchive } from '../runtime/oci-build.ts';

/** The image of every pod's sandbox. Its registry does not exist: it is only ever made here. */
export const SANDBOX_IMAGE = 'berth.local/pause:1';

/** Static programs that a distribution packages, and how each is made to wait for ever and reap what is orphaned. */
const INITS: readonly { readonly path: string; readonly entrypoint: readonly string[]; readonly reaps: boolean }[] = [
  { path: '/usr/bin/catatonit', entrypoint: ['/pause', '-P'], reaps: true },
  { path: '/usr/libexec/podman/catatonit', entrypoint: ['/pause', '-P'], reaps: true },
  { path: '/bin/busybox', entrypoint: ['/pause', 'sleep', '2147483647'], reaps: false },
];

export interface SandboxImage {
  readonly archive: Buffer;
  readonly program: string;
  /** False: with a shared process namespace, orphans stay zombies. */
  readonly reaps: boolean;
}

/** Undefined when no static init is found: then the image must be pulled. */
export async function buildSandboxImage(architecture: string, inits = INITS): Promise<SandboxImage | undefined> {
  for (const { path, entrypoint, reaps } of inits) {
    const bytes = await readFile(path).catch(() => undefined);
    if (bytes === undefined || !isStatic(bytes)) continue;
    // busybox chooses its applet by the name it is called by, unless that is its own.
    const name = path.endsWith('busybox') ? 'busybox' : 'pause';
    const command = [`/${name}`, ...entrypoint.slice(1)];
    const archive = buildOciArchive({
      name: SANDBOX_IMAGE,
      architecture,
      files: [{ name, mode: 0o755, bytes }],
      config: { Entrypoint: command, User: '65535:65535', WorkingDir: '/' },
    });
    return { archive, program: path, reaps };
  }
  return undefined;
}

/** An ELF file without an interpreter segment (PT_INTERP): elf(5). Only 64-bit little-endian files are looked at. */
function isStatic(elf: Buffer): boolean {
  if (elf.length < 64 || elf.readUInt32BE(0) !== 0x7f454c46 || elf[4] !== 2 || elf[5] !== 1) return false;
  const table = Number(elf.readBigUInt64LE(32));
  const entrySize = elf.readUInt16LE(54);
  const count = elf.readUInt16LE(56);
  const PT_INTERP = 3;
  for (let i = 0; i < count; i++) {
    const at = table + i * entrySize;
    if (at + 4 > elf.length || elf.readUInt32LE(at) === PT_INTERP) return false;
  }
  return true;
}
