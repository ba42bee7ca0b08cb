import { CriError } from '../runtime/runtime.ts';
import { SpdyError } from '../streams/spdy-error.ts';

/** An answer of the node that is not what was asked for: an HTTP code and one line of text, as the kubelet gives it. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: number;

  constructor(code: number, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

export function refusalOf(thrown: unknown): Refusal {
  if (thrown instanceof Refusal) return thrown;
  if (thrown instanceof CriError) return new Refusal(thrown.code === 'not-found' ? 404 : thrown.code === 'unavailable' ? 503 : 500, thrown.message, thrown);
  if (thrown instanceof SpdyError) return new Refusal(400, thrown.message, thrown);
  if (thrown instanceof URIError) return new Refusal(400, 'malformed path', thrown);
  return new Refusal(500, thrown instanceof Error ? thrown.message : String(thrown), thrown);
}
