import { decodeBase64 } from '../../machinery/base64.ts';

export interface PemBlock {
  readonly type: string;
  readonly hasHeaders: boolean;
  readonly bytes: Uint8Array;
}

/** A line that begins or ends a block. */
const MARK = /(?<=^|\n)-----(BEGIN|END) ([^-\n]*)-----[ \t]*(?=\r?\n|$)/g;

/** RFC 1421, as Go's `encoding/pem` reads it: what is no block, or has no base64 in it, is skipped. */
export function pemBlocks(text: string): readonly PemBlock[] {
  const blocks: PemBlock[] = [];
  let open: { readonly type: string; readonly from: number } | undefined;
  for (const mark of text.matchAll(MARK)) {
    const type = mark[2] ?? '';
    if (mark[1] === 'BEGIN') open = { type, from: mark.index + mark[0].length };
    else if (open?.type === type) {
      const block = blockOf(type, text.slice(open.from, mark.index));
      if (block !== undefined) blocks.push(block);
      open = undefined;
    }
  }
  return blocks;
}

/** `text`: what stands between the dashes of its two lines; headers may come first. */
function blockOf(type: string, text: string): PemBlock | undefined {
  let from = text.indexOf('\n') + 1;
  let hasHeaders = false;
  for (let end = text.indexOf('\n', from); end !== -1 && text.slice(from, end).includes(':'); end = text.indexOf('\n', from)) {
    hasHeaders = true;
    from = end + 1;
  }
  const bytes = decodeBase64(text.slice(from).replaceAll(' ', '').replaceAll('\t', ''));
  return bytes === undefined ? undefined : { type, hasHeaders, bytes };
}
