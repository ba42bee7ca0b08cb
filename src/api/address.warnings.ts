import type { FieldPath } from '../machinery/field-error.ts';
import { canonicalIP, isCidr, isIP, isIPv4, mappedIPv4, networkOf } from './ip.ts';

/** An address that is taken, but would better be written otherwise (KEP-4858, in its words). */
export function ipWarnings(path: FieldPath, value: string): readonly string[] {
  if (!isIP(value) || isIPv4(value)) return [];
  const mapped = mappedIPv4(value);
  if (mapped !== undefined)
    return [
      `${path}: non-standard IP address ${JSON.stringify(value)} will be considered invalid in a future Kubernetes release: use ${JSON.stringify(mapped)}`,
    ];
  const canonical = canonicalIP(value);
  return canonical === value ? [] : [`${path}: IPv6 address ${JSON.stringify(value)} should be in RFC 5952 canonical format (${JSON.stringify(canonical)})`];
}

/** The same for a range; also one whose address has bits beyond its length. */
export function cidrWarnings(path: FieldPath, value: string): readonly string[] {
  if (!isCidr(value)) return [];
  const [address = '', bits = ''] = value.split('/');
  const network = networkOf(value);
  const out: string[] = [];
  if (canonicalIP(address) !== network) {
    const single = `${canonicalIP(address)}/${isIPv4(address) ? 32 : 128}`;
    out.push(
      `${path}: CIDR value ${JSON.stringify(value)} is ambiguous in this context (should be ${JSON.stringify(`${network}/${bits}`)} or ${JSON.stringify(single)}?)`,
    );
  }
  const canonical = `${network}/${Number(bits)}`;
  if (bits !== String(Number(bits)) || mappedIPv4(address) !== undefined)
    out.push(
      `${path}: non-standard CIDR value ${JSON.stringify(value)} will be considered invalid in a future Kubernetes release: use ${JSON.stringify(canonical)}`,
    );
  if (out.length === 0 && !isIPv4(address) && canonical !== value)
    out.push(`${path}: IPv6 CIDR value ${JSON.stringify(value)} should be in RFC 5952 canonical format (${JSON.stringify(canonical)})`);
  return out;
}
