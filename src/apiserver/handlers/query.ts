import { type FieldError, FieldPath, formatFieldError, invalid } from '../../machinery/field-error.ts';
import { badRequest, invalidObject, StatusError } from '../../machinery/status-error.ts';

/** The parameters of a request: the first of a name counts, as in Go's `url.Values.Get`. */
export class Query {
  readonly pairs: readonly (readonly [name: string, value: string])[];

  constructor(pairs: readonly (readonly [name: string, value: string])[]) {
    this.pairs = pairs;
  }

  get(name: string): string | undefined {
    for (const [key, value] of this.pairs) if (key === name) return value;
    return undefined;
  }

  all(name: string): readonly string[] {
    return this.pairs.filter(([key]) => key === name).map(([, value]) => value);
  }

  /** As Go's conversion of query parameters reads it: present but empty, `1`, `true` … are true; `0` and `false` are not. */
  flag(name: string): boolean | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    const lower = value.toLowerCase();
    return lower !== 'false' && lower !== '0';
  }

  /** An int64, rounded. Given but empty is none. */
  integer(name: string): number | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    const fault = (why: string): StatusError => badRequest(`strconv.ParseInt: parsing ${JSON.stringify(value)}: ${why}`);
    if (!/^[+-]?\d+$/.test(value)) throw fault('invalid syntax');
    // Only what is about as long as an int64 is looked at digit by digit: a head may have a megabyte of them.
    const number = Number(value);
    if (Math.abs(number) >= 1e19 || (Math.abs(number) > 1e18 && !isInt64(BigInt(value)))) throw fault('value out of range');
    return number;
  }
}

export const noQuery = new Query([]);

export function parseQuery(search: string): Query {
  if (search === '') return noQuery;
  return new Query([...new URLSearchParams(search)]);
}

const PATTERN = /^(?:0|[1-9]\d{0,18})$/;

/** A resourceVersion as a number; 0 for '' and '0'. Throws 422, or what `refuse` makes of the fault. */
export function parseResourceVersion(text: string | undefined, refuse = (fault: string) => new StatusError('Invalid', fault)): number {
  if (text === undefined || text === '') return 0;
  if (PATTERN.test(text)) return Number(text);
  throw refuse(formatFieldError(invalid(new FieldPath('resourceVersion'), text, `strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`)));
}

/** Refusals of the options of a request, as Kubernetes validates them. */
export const invalidOptions = (kind: string, errors: readonly FieldError[]): StatusError => invalidObject({ group: 'meta.k8s.io', kind }, '', errors);

const isInt64 = (value: bigint): boolean => BigInt.asIntN(64, value) === value;
