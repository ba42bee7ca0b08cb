import { badRequest } from '../../machinery/status-error.ts';
import { scanJson } from '../../schema/json-scan.ts';

/**
 * Where a list goes on: opaque to clients, in the form that Kubernetes uses (base64 of a small JSON). `start` is the last key
 * that was given out, relative to the list's prefix. Revision -1: whatever is there now (after 410, an inconsistent rest).
 */
export interface ContinueToken {
  readonly revision: number;
  readonly start: string;
}

const VERSION = 'meta.k8s.io/v1';

export function formatContinue({ revision, start }: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: VERSION, rv: revision, start: `${start}\0` })).toString('base64url');
}

export function parseContinue(token: string): ContinueToken {
  const { length } = token;
  const illegal = token.search(/[^A-Za-z0-9_-]/);
  // Four letters are three bytes: one alone is none.
  if (illegal !== -1 || length % 4 === 1) throw invalidToken(`illegal base64 data at input byte ${illegal === -1 ? length - 1 : illegal}`);
  const text = Buffer.from(token, 'base64url').toString('utf8');
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    throw invalidToken(`${scanJson(text, MAX_DEPTH).fault ?? 'invalid JSON'}`);
  }
  const { v, rv, start } = (read ?? {}) as { readonly v?: unknown; readonly rv?: unknown; readonly start?: unknown };
  if (v !== VERSION) throw invalidToken(`server does not recognize this encoded version ${typeof v === 'string' ? v : ''}`);
  if (typeof rv !== 'number' || !Number.isSafeInteger(rv) || rv === 0 || rv < -1)
    throw invalidToken(`incorrect encoded start resourceVersion (version ${VERSION})`);
  if (typeof start !== 'string' || start.length === 0) throw invalidToken(`encoded start key empty (version ${VERSION})`);
  return { revision: rv, start: start.endsWith('\0') ? start.slice(0, -1) : start };
}

const MAX_DEPTH = 8;

const invalidToken = (why: string) => badRequest(`invalid continue token: continue key is not valid: ${why}`);
