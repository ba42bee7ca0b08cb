import type { Json } from './object.ts';

/** Causes as Kubernetes words them (metav1.CauseType): the reason, and the detail that goes into the message. */
export type FieldErrorType =
  | 'FieldValueNotFound'
  | 'FieldValueRequired'
  | 'FieldValueDuplicate'
  | 'FieldValueInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueForbidden'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany'
  | 'InternalError'
  | 'FieldValueTypeInvalid';

export interface FieldError {
  readonly type: FieldErrorType;
  /** `spec.containers[0].name`, `metadata.labels[a.b/c]`. */
  readonly field: string;
  readonly value?: Json | undefined;
  readonly detail: string;
}

const WORDS: Readonly<Record<FieldErrorType, string>> = {
  FieldValueNotFound: 'Not found',
  FieldValueRequired: 'Required value',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueForbidden: 'Forbidden',
  FieldValueTooLong: 'Too long',
  FieldValueTooMany: 'Too many',
  InternalError: 'Internal error',
  FieldValueTypeInvalid: 'Invalid value',
};

/**
 * A path to a field, grown from the outside in. Immutable: every step is a new path. Its text is made when it is asked for: most
 * paths are walked by validation without a fault.
 */
export class FieldPath {
  readonly #around: FieldPath | undefined;
  readonly #step: string | number;
  /** `[step]` rather than `.step`. */
  readonly #inBrackets: boolean;

  constructor(root: string | number = '', around?: FieldPath, inBrackets = false) {
    this.#step = root;
    this.#around = around;
    this.#inBrackets = inBrackets;
  }

  child(name: string, below?: string): FieldPath {
    const child = new FieldPath(name, this);
    return below === undefined ? child : new FieldPath(below, child);
  }

  index(at: number): FieldPath {
    return new FieldPath(at, this, true);
  }

  key(key: string): FieldPath {
    return new FieldPath(key, this, true);
  }

  toString(): string {
    const text = this.#text();
    return text === '' ? '<nil>' : text;
  }

  #text(): string {
    if (this.#around === undefined) return String(this.#step);
    const around = this.#around.#text();
    if (this.#inBrackets) return `${around}[${this.#step}]`;
    return around === '' ? String(this.#step) : `${around}.${this.#step}`;
  }
}

/** The constructors that validation uses, by Kubernetes' names (apimachinery `field` package). */
export const invalid = (path: FieldPath, value: Json | undefined, detail: string): FieldError => ({
  type: 'FieldValueInvalid',
  field: path.toString(),
  value: value ?? null,
  detail,
});
/** Invalid, where the value says nothing (`field.OmitValueType`). */
export const withoutValue = (path: FieldPath, detail: string): FieldError => ({ type: 'FieldValueInvalid', field: path.toString(), detail });
export const required = (path: FieldPath, detail = ''): FieldError => ({ type: 'FieldValueRequired', field: path.toString(), detail });
export const forbidden = (path: FieldPath, detail: string): FieldError => ({ type: 'FieldValueForbidden', field: path.toString(), detail });
export const duplicate = (path: FieldPath, value: Json): FieldError => ({
  type: 'FieldValueDuplicate',
  field: path.toString(),
  value,
  detail: '',
});
export const notFound = (path: FieldPath, value: Json): FieldError => ({
  type: 'FieldValueNotFound',
  field: path.toString(),
  value,
  detail: '',
});
export const notSupported = (path: FieldPath, value: Json, supported: readonly string[]): FieldError => ({
  type: 'FieldValueNotSupported',
  field: path.toString(),
  value,
  detail: supported.length === 0 ? '' : `supported values: ${supported.map((s) => JSON.stringify(s)).join(', ')}`,
});
export const tooLong = (path: FieldPath, maxLength: number): FieldError => ({
  type: 'FieldValueTooLong',
  field: path.toString(),
  detail: `may not be more than ${maxLength} ${maxLength === 1 ? 'byte' : 'bytes'}`,
});
export const tooMany = (path: FieldPath, actual: number, max: number): FieldError => ({
  type: 'FieldValueTooMany',
  field: path.toString(),
  value: actual,
  detail: `must have at most ${max} ${max === 1 ? 'item' : 'items'}`,
});
export const typeInvalid = (path: FieldPath, value: Json | undefined, detail: string): FieldError => ({
  type: 'FieldValueTypeInvalid',
  field: path.toString(),
  value: value ?? null,
  detail,
});

/** The part after the field path: `Invalid value: 3: must be …`, as a cause's message. */
export function formatFieldErrorBody({ type, value, detail }: FieldError): string {
  const word = WORDS[type];
  const silent =
    type === 'FieldValueRequired' || type === 'FieldValueForbidden' || type === 'FieldValueTooLong' || type === 'InternalError' || value === undefined;
  const shown = silent ? word : `${word}: ${formatValue(value)}`;
  return detail === '' ? shown : `${shown}: ${detail}`;
}

export function formatFieldError(error: FieldError): string {
  return `${error.field}: ${formatFieldErrorBody(error)}`;
}

function formatValue(value: Json | undefined): string {
  if (value === undefined || value === null) return 'null';
  return JSON.stringify(value);
}
