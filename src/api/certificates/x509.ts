import type { SignedBytes, VerifySignature } from '../../base/keys.ts';
import { BIT_STRING, CONTEXT_0, type DerElement, DerReader, INTEGER, noSequence, readDer, SEQUENCE } from '../../machinery/der.ts';

/**
 * Whether bytes are a certificate request (RFC 2986) or certificates (RFC 5280), as far as their shape goes: names, times and extensions
 * are not looked into. Faults are in the words of Go's `crypto/x509`; what Go says of wrong tags within a request is cut short.
 */

/** What is wrong with a request, its signature included where somebody can verify it. */
export function requestFault(der: Uint8Array, verify: VerifySignature | undefined): string | undefined {
  const request = readRequest(der);
  return typeof request === 'string' ? request : verify?.(request);
}

/** What a request signs, and with which key; or what is wrong with it. */
export function readRequest(der: Uint8Array): SignedBytes | string {
  const outer = readDer(der);
  if ('fault' in outer) return outer.fault;
  if (outer.tag !== SEQUENCE) return noSequence(outer, 'certificateRequest');
  if (outer.whole.length < der.length) return 'asn1: syntax error: trailing data';
  const parts = sequence(outer, SEQUENCE, SEQUENCE, BIT_STRING);
  if (typeof parts === 'string') return parts;
  const [info, algorithm, signature] = parts as readonly [DerElement, DerElement, DerElement];
  const said = sequence(info, INTEGER, SEQUENCE, SEQUENCE, CONTEXT_0);
  if (typeof said === 'string') return said;
  const key = said[2] as DerElement;
  const keyParts = sequence(key, SEQUENCE, BIT_STRING);
  if (typeof keyParts === 'string') return keyParts;
  // The first octet of a bit string says how many bits of the last one are none.
  return { algorithm: algorithm.contents, publicKey: key.whole, data: info.whole, signature: signature.contents.subarray(1) };
}

const WRONG_TAG = "asn1: structure error: tags don't match";

/** The elements of a sequence, with these tags; or what is wrong with it. More may follow, as Go has it. */
function sequence({ contents }: DerElement, ...tags: readonly number[]): readonly DerElement[] | string {
  const reader = new DerReader(contents);
  const found: DerElement[] = [];
  for (const tag of tags) {
    const element = reader.next(tag);
    if (element === undefined) return reader.fault ?? WRONG_TAG;
    found.push(element);
  }
  return found;
}

/** What is wrong with certificates that stand one behind the other. */
export function certificatesFault(der: Uint8Array): string | undefined {
  if (der.length === 0) return 'found CERTIFICATE PEM block containing 0 certificates';
  const all = new DerReader(der);
  while (!all.done) {
    const certificate = all.next(SEQUENCE);
    const part = certificate === undefined ? 'certificate' : malformedPart(certificate);
    if (part !== undefined) return `x509: malformed ${part}`;
  }
  return undefined;
}

/** In the order in which Go reads them, and with its words (a subject is an issuer to it, too). */
function malformedPart({ contents }: DerElement): string | undefined {
  const outer = new DerReader(contents);
  const info = outer.next(SEQUENCE);
  if (info === undefined) return 'tbs certificate';
  const inner = new DerReader(info.contents);
  const version = inner.next(CONTEXT_0);
  if (version !== undefined && new DerReader(version.contents).next(INTEGER) === undefined) return 'version';
  if (inner.next(INTEGER) === undefined) return 'serial number';
  if (inner.next(SEQUENCE) === undefined) return 'signature algorithm identifier';
  if (outer.next(SEQUENCE) === undefined) return 'algorithm identifier';
  for (const part of ['issuer', 'validity', 'issuer', 'spki']) if (inner.next(SEQUENCE) === undefined) return part;
  return outer.next(BIT_STRING) === undefined ? 'signature' : undefined;
}
