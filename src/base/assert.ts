/** A broken invariant: a bug of ours, never a user's error. It stops the component that met it. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** Narrows away undefined where the code around it has made sure. */
export function defined<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new InvariantError(`${what} is missing`);
  return value;
}

/** For the default branch of a switch over a closed union. */
export function never(value: never): never {
  throw new InvariantError(`unexpected value ${String(value)}`);
}
