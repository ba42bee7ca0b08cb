/** One line of the log: a constant message plus keys and values. Secrets and object bodies never go in. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log whose lines all carry `component` (dotted below an outer one) and the given fields. */
  child(component: string, fields?: LogFields): Log;
}

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** The fields that describe a failure: its message, code if any, and never its whole body. */
export function failure(thrown: unknown): LogFields {
  if (!(thrown instanceof Error)) return { cause: String(thrown) };
  const code = 'code' in thrown && (typeof thrown.code === 'string' || typeof thrown.code === 'number') ? thrown.code : undefined;
  return { cause: thrown.message, ...(code === undefined ? {} : { code }) };
}

/** Drops everything. */
export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLog,
};
