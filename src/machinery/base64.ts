/** Standard base64 with padding, as JSON carries bytes. By the engine where it can (not yet in Node 24), else by atob and btoa. */
export function encodeBase64(bytes: Uint8Array): string {
  if (NATIVE) return bytes.toBase64();
  let text = '';
  for (let at = 0; at < bytes.length; at += CHUNK) text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return btoa(text);
}

/** Undefined when the text is no base64. Line breaks are ignored, as Kubernetes does. */
export function decodeBase64(text: string): Uint8Array | undefined {
  // The engine skips all white space.
  if (/[ \t\f]/.test(text)) return undefined;
  try {
    if (NATIVE) return Uint8Array.fromBase64(text, { lastChunkHandling: 'strict' });
    const plain = text.replace(/[\r\n]/g, '');
    if (plain.length % 4 !== 0 || /\s/.test(plain)) return undefined;
    const decoded = Uint8Array.from(atob(plain), (character) => character.charCodeAt(0));
    // Bits beyond the last byte must be zero: two texts never stand for the same bytes.
    return encodeBase64(decoded) === plain ? decoded : undefined;
  } catch {
    return undefined;
  }
}

/** How many bytes a base64 text stands for, without decoding it. */
export function base64Length(text: string): number {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  return Math.floor((text.length * 3) / 4) - padding;
}

const NATIVE = 'fromBase64' in Uint8Array;
const CHUNK = 8_192;
