/** Standard base64 with padding, as JSON carries bytes. */
export function encodeBase64(bytes: Uint8Array): string {
  return bytes.toBase64();
}

/** Undefined when the text is no base64. Line breaks are ignored, as Kubernetes does. */
export function decodeBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(text.replace(/[\r\n]/g, ''), { lastChunkHandling: 'strict' });
  } catch {
    return undefined;
  }
}

/** How many bytes a base64 text stands for, without decoding it. */
export function base64Length(text: string): number {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  return Math.floor((text.length * 3) / 4) - padding;
}
