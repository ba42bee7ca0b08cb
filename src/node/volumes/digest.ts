import { createHash } from 'node:crypto';

/** SHA-256 in hexadecimal: names of staging directories, as CSI drivers' documentation has them. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
