import { internalError, StatusError } from '../../machinery/status-error.ts';
import { StoreError } from '../../store/store.ts';

/** What a client is told of anything that was thrown. */
export function asStatusError(thrown: unknown): StatusError {
  if (thrown instanceof StatusError) return thrown;
  if (thrown instanceof StoreError) return fromStore(thrown);
  return internalError(thrown);
}

function fromStore(error: StoreError): StatusError {
  switch (error.code) {
    case 'too-large':
      return new StatusError('RequestEntityTooLarge', `Request entity too large: ${error.message}`, { cause: error });
    case 'busy':
      return new StatusError('TooManyRequests', 'the server has received too many requests and has asked us to try again later', {
        details: { retryAfterSeconds: 1 },
        cause: error,
      });
    case 'unavailable':
    case 'closed':
      return new StatusError('ServiceUnavailable', error.message, { details: { retryAfterSeconds: 1 }, cause: error });
    default:
      return internalError(error);
  }
}
