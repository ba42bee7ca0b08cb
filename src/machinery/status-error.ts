import { type FieldError, formatFieldErrorBody } from './field-error.ts';

/** meta/v1 StatusReason: the closed set of reasons, each with its HTTP code. */
export const STATUS_CODES = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Gone: 410,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  StoreReadError: 500,
  InternalError: 500,
  ServiceUnavailable: 503,
  ServerTimeout: 500,
  Timeout: 504,
} as const;

export type StatusReason = keyof typeof STATUS_CODES;

export interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  /** Usually the resource (plural), for Invalid the kind: as Kubernetes does. */
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

/** A meta/v1 Status body. */
export interface Status {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: { readonly continue?: string };
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code?: number;
}

export interface StatusErrorOptions {
  readonly details?: StatusDetails;
  /** When the HTTP code is not the reason's usual one. */
  readonly code?: number;
  /** ListMeta.continue: 410 answers carry a fresh token. */
  readonly continueToken?: string;
  readonly cause?: unknown;
}

/** Every refusal by the API server, and what a client throws when it receives one (law 8). Decide by `reason`. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  /** A client may meet a reason that this list does not know: then it is '' here and `status.reason` has the word. */
  readonly reason: StatusReason | '';
  readonly code: number;
  readonly details: StatusDetails | undefined;
  readonly continueToken: string | undefined;

  constructor(reason: StatusReason | '', message: string, options: StatusErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.reason = reason;
    this.code = options.code ?? (reason === '' ? 500 : STATUS_CODES[reason]);
    this.details = options.details;
    this.continueToken = options.continueToken;
  }

  toStatus(): Status {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: this.continueToken === undefined ? {} : { continue: this.continueToken },
      status: 'Failure',
      message: this.message,
      ...(this.reason === '' ? {} : { reason: this.reason }),
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    };
  }

  static fromStatus(status: Status, httpCode: number): StatusError {
    const reason = status.reason !== undefined && Object.hasOwn(STATUS_CODES, status.reason) ? (status.reason as StatusReason) : '';
    return new StatusError(reason, status.message ?? `the server answered ${httpCode}`, {
      code: status.code ?? httpCode,
      ...(status.details === undefined ? {} : { details: status.details }),
      ...(status.metadata?.continue === undefined ? {} : { continueToken: status.metadata.continue }),
    });
  }
}

/** What a message names: `deployments.apps "x"`. */
export interface GroupResource {
  readonly group: string;
  readonly resource: string;
}

export function formatGroupResource({ group, resource }: GroupResource): string {
  return group === '' ? resource : `${resource}.${group}`;
}

const about = (gr: GroupResource, name: string): StatusDetails => ({
  ...(name === '' ? {} : { name }),
  ...(gr.group === '' ? {} : { group: gr.group }),
  ...(gr.resource === '' ? {} : { kind: gr.resource }),
});

/** The constructors, in Kubernetes' known wording (apimachinery `api/errors`). */
export const badRequest = (message: string): StatusError => new StatusError('BadRequest', message);
export const unauthorized = (message = 'Unauthorized'): StatusError => new StatusError('Unauthorized', message);
export const objectNotFound = (gr: GroupResource, name: string): StatusError =>
  new StatusError('NotFound', `${formatGroupResource(gr)} ${JSON.stringify(name)} not found`, { details: about(gr, name) });
export const alreadyExists = (gr: GroupResource, name: string): StatusError =>
  new StatusError('AlreadyExists', `${formatGroupResource(gr)} ${JSON.stringify(name)} already exists`, { details: about(gr, name) });
export const conflict = (gr: GroupResource, name: string, why: string): StatusError =>
  new StatusError('Conflict', `Operation cannot be fulfilled on ${formatGroupResource(gr)} ${JSON.stringify(name)}: ${why}`, {
    details: about(gr, name),
  });
export const MODIFIED = 'the object has been modified; please apply your changes to the latest version and try again';
export const forbiddenRequest = (gr: GroupResource, name: string, why: string): StatusError =>
  new StatusError(
    'Forbidden',
    name === '' ? `${formatGroupResource(gr)} is forbidden: ${why}` : `${formatGroupResource(gr)} ${JSON.stringify(name)} is forbidden: ${why}`,
    { details: about(gr, name) },
  );
export const internalError = (cause: unknown): StatusError => {
  const text = cause instanceof Error ? cause.message : String(cause);
  return new StatusError('InternalError', `Internal error occurred: ${text}`, { details: { causes: [{ message: text }] }, cause });
};
export const methodNotAllowed = (gr: GroupResource, verb: string): StatusError =>
  new StatusError('MethodNotAllowed', `${verb} is not supported on resources of kind ${JSON.stringify(formatGroupResource(gr))}`, {
    details: about(gr, ''),
  });
export const expired = (message: string, continueToken?: string): StatusError =>
  new StatusError('Expired', message, continueToken === undefined ? {} : { continueToken });

/** 422 with a cause for each error. `kind` is the Kind, not the resource: Kubernetes' form. */
export function invalidObject(gk: { readonly group: string; readonly kind: string }, name: string, errors: readonly FieldError[]): StatusError {
  const refusal = new InvalidObject(gk, name);
  refusal.add(errors);
  return refusal.error();
}

/** The same, put together bit by bit. */
export class InvalidObject {
  readonly #gk: { readonly group: string; readonly kind: string };
  readonly #name: string;
  readonly #causes: StatusCause[] = [];
  /** The message says each once. */
  readonly #lines = new Set<string>();

  constructor(gk: { readonly group: string; readonly kind: string }, name: string) {
    this.#gk = gk;
    this.#name = name;
  }

  add(errors: readonly FieldError[]): void {
    for (const error of errors) {
      const message = formatFieldErrorBody(error);
      this.#causes.push({ reason: error.type, message, field: error.field });
      this.#lines.add(`${error.field}: ${message}`);
    }
  }

  error(): StatusError {
    const { group, kind } = this.#gk;
    const name = this.#name;
    const lines = [...this.#lines];
    const text = lines.length === 1 ? (lines[0] as string) : `[${lines.join(', ')}]`;
    const what = `${group === '' ? kind : `${kind}.${group}`} ${JSON.stringify(name)} is invalid`;
    return new StatusError('Invalid', lines.length === 0 ? what : `${what}: ${text}`, {
      details: { ...(name === '' ? {} : { name }), ...(group === '' ? {} : { group }), ...(kind === '' ? {} : { kind }), causes: this.#causes },
    });
  }
}
