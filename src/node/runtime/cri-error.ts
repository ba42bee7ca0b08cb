import { GRPC, isGrpcError } from './grpc.ts';
import { CriError, type CriErrorCode } from './runtime.ts';

const CODES = new Map<number, CriErrorCode>([
  [GRPC.cancelled, 'unavailable'],
  [GRPC.invalidArgument, 'invalid'],
  [GRPC.deadlineExceeded, 'deadline'],
  [GRPC.notFound, 'not-found'],
  [GRPC.alreadyExists, 'name-reserved'],
  [GRPC.unimplemented, 'unsupported'],
  [GRPC.unavailable, 'unavailable'],
]);

/** The one place where containerd's errors become ours. Its words are kept: people know them from other clusters. */
export function toCriError(thrown: unknown, notFound: CriErrorCode = 'not-found'): Error {
  if (!isGrpcError(thrown)) return thrown instanceof Error ? thrown : new CriError('internal', String(thrown));
  let code = CODES.get(thrown.code) ?? 'internal';
  if (code === 'not-found') code = notFound;
  // containerd 1.6 has no code of its own for these.
  if (code === 'internal' && /server is not initialized yet/.test(thrown.details)) code = 'unavailable';
  if (code === 'internal' && /is reserved for/.test(thrown.details)) code = 'name-reserved';
  if (code === 'internal' && /context deadline exceeded|timeout .* exceeded/.test(thrown.details)) code = 'deadline';
  return new CriError(code, thrown.details === '' ? thrown.message : thrown.details, thrown);
}

/** Awaits a call; its failure is a CriError. */
export async function cri<T>(answer: Promise<T>, notFound?: CriErrorCode): Promise<T> {
  try {
    return await answer;
  } catch (thrown) {
    throw toCriError(thrown, notFound);
  }
}

/** The same for what may be gone already. */
export async function criOrGone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (thrown) {
    if (isGrpcError(thrown) && thrown.code === GRPC.notFound) return undefined;
    throw toCriError(thrown);
  }
}
