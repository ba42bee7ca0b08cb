/** DER of an attribute's type 2.5.4.x, then a string of any of X.520's types. */
const COMMON_NAME = Buffer.from([0x06, 0x03, 0x55, 0x04, 0x03]);
const ORGANIZATION = Buffer.from([0x06, 0x03, 0x55, 0x04, 0x0a]);

/** Every organization that a certificate request (PEM, base64 once more) names anywhere; the signer reads the request properly. */
export const organizationsIn = (requestBase64: string): readonly string[] => stringsAfter(ORGANIZATION, requestBase64);

export const commonNamesIn = (requestBase64: string): readonly string[] => stringsAfter(COMMON_NAME, requestBase64);

function stringsAfter(type: Buffer, requestBase64: string): readonly string[] {
  const pem = Buffer.from(requestBase64, 'base64').toString('latin1');
  // A block may begin with headers (RFC 1421), which are no base64.
  const lines = pem.split(/\r?\n/).filter((line) => !line.startsWith('-----') && !line.includes(':'));
  const der = Buffer.from(lines.join('').replace(/-----[^-]+-----/g, ''), 'base64');
  const found: string[] = [];
  for (let at = der.indexOf(type); at !== -1; at = der.indexOf(type, at + 1)) found.push(readString(der, at + type.length));
  return found;
}

const BMP = 0x1e;
const UNIVERSAL = 0x1c;

/** A DER string of any of X.520's types. */
function readString(der: Buffer, at: number): string {
  const short = der[at + 1] ?? 0;
  const bytesOfLength = short < 0x80 ? 0 : short & 0x7f;
  if (bytesOfLength > 4) return '';
  let length = bytesOfLength === 0 ? short : 0;
  for (let each = 0; each < bytesOfLength; each++) length = length * 256 + (der[at + 2 + each] ?? 0);
  const start = at + 2 + bytesOfLength;
  const value = der.subarray(start, start + length);
  const width = der[at] === BMP ? 2 : der[at] === UNIVERSAL ? 4 : 1;
  // Wide characters are big-endian; the name in question has none that needs more than a byte.
  return width === 1 ? value.toString('utf8') : Buffer.from(value.filter((_, index) => index % width === width - 1)).toString('latin1');
}
