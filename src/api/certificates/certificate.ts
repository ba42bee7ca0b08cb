import { CONTEXT_0, CONTEXT_3, type DerElement, DerReader, OBJECT_ID, OCTET_STRING, readDer, SEQUENCE } from '../../machinery/der.ts';
import { certificatesFault } from './x509.ts';

/** What a certificate (RFC 5280) says, as far as somebody asks. */
export interface Certificate {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** SubjectPublicKeyInfo, in DER. */
  readonly publicKey: Uint8Array;
  readonly dnsNames: readonly string[];
  readonly emailAddresses: readonly string[];
}

const UTC_TIME = 0x17;
const ALTERNATIVE_NAMES = [0x55, 0x1d, 0x11];
const EMAIL = 0x81;
const DNS = 0x82;

/** Undefined: it is none. */
export function readCertificate(der: Uint8Array): Certificate | undefined {
  const outer = readDer(der);
  if ('fault' in outer || outer.whole.length < der.length || certificatesFault(der) !== undefined) return undefined;
  const info = new DerReader(outer.contents).next(SEQUENCE);
  if (info === undefined) return undefined;
  const fields = new DerReader(info.contents);
  fields.next(CONTEXT_0);
  // Serial number, algorithm and issuer before, subject and key behind.
  const [, , , validity, , key] = [fields.next(), fields.next(), fields.next(), fields.next(), fields.next(), fields.next()];
  if (validity === undefined || key === undefined) return undefined;
  const times = new DerReader(validity.contents);
  const [notBeforeMs, notAfterMs] = [readTime(times.next()), readTime(times.next())];
  if (notBeforeMs === undefined || notAfterMs === undefined) return undefined;
  let extensions: DerElement | undefined;
  while (!fields.done && fields.fault === undefined && extensions === undefined) {
    const next = fields.next();
    if (next?.tag === CONTEXT_3) extensions = next;
  }
  const names = extensions === undefined ? [] : alternativeNames(extensions);
  const texts = (tag: number): readonly string[] => names.filter((name) => name.tag === tag).map(({ contents }) => new TextDecoder('latin1').decode(contents));
  return { notBeforeMs, notAfterMs, publicKey: key.whole, dnsNames: texts(DNS), emailAddresses: texts(EMAIL) };
}

const TIME = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;

/** Years of two digits are those from 1950 to 2049. */
function readTime(element: DerElement | undefined): number | undefined {
  if (element === undefined) return undefined;
  const text = new TextDecoder('latin1').decode(element.contents);
  const century = element.tag === UTC_TIME ? (text < '5' ? '20' : '19') : '';
  const parts = TIME.exec(`${century}${text}`);
  if (parts === null) return undefined;
  const [year = 0, month = 1, ...rest] = parts.slice(1).map(Number);
  return Date.UTC(year, month - 1, ...rest);
}

function alternativeNames(extensions: DerElement): readonly DerElement[] {
  const list = new DerReader(extensions.contents).next(SEQUENCE);
  for (const extension of elements(list)) {
    const parts = elements(extension);
    const [id] = parts;
    if (id?.tag !== OBJECT_ID || id.contents.length !== ALTERNATIVE_NAMES.length || !ALTERNATIVE_NAMES.every((byte, i) => id.contents[i] === byte)) continue;
    const value = parts.find(({ tag }) => tag === OCTET_STRING);
    return value === undefined ? [] : elements(new DerReader(value.contents).next(SEQUENCE));
  }
  return [];
}

function elements(around: DerElement | undefined): readonly DerElement[] {
  if (around === undefined) return [];
  const reader = new DerReader(around.contents);
  const found: DerElement[] = [];
  for (let next = reader.next(); next !== undefined; next = reader.done ? undefined : reader.next()) found.push(next);
  return found;
}
