import { decodeBase64 } from '../../machinery/base64.ts';

export interface PemBlock {
  readonly type: string;
  readonly hasHeaders: boolean;
  readonly bytes: Uint8Array;
}

const BEGIN = /^-----BEGIN ([^-]*)-----[ \t]*$/;
const END = /^-----END ([^-]*)-----[ \t]*$/;

/** RFC 1421, as Go's `encoding/pem` reads it: what is no block, or has no base64 in it, is skipped. */
export function pemBlocks(text: string): readonly PemBlock[] {
  const blocks: PemBlock[] = [];
  let open: { readonly type: string; hasHeaders: boolean; body: string[] } | undefined;
  for (const line of text.split(/\r?\n/)) {
    const begins = BEGIN.exec(line)?.[1];
    if (begins !== undefined) open = { type: begins, hasHeaders: false, body: [] };
    else if (open === undefined) continue;
    else if (END.exec(line)?.[1] === open.type) {
      const bytes = decodeBase64(open.body.join('').replace(/[ \t]/g, ''));
      if (bytes !== undefined) blocks.push({ type: open.type, hasHeaders: open.hasHeaders, bytes });
      open = undefined;
    } else if (open.body.length === 0 && line.includes(':')) open.hasHeaders = true;
    else open.body.push(line);
  }
  return blocks;
}
