export type SpdyErrorCode =
  /** The peer broke the protocol: the connection ends. */
  | 'protocol'
  /** The peer reset the stream. */
  | 'reset'
  /** The connection ended. */
  | 'closed'
  /** A bound of ours was passed. */
  | 'limit';

export class SpdyError extends Error {
  override readonly name = 'SpdyError';
  readonly code: SpdyErrorCode;

  constructor(code: SpdyErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
