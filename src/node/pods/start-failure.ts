/** Why a container was not started: a waiting reason, as clients know it, and the words. */
export class StartFailure extends Error {
  override readonly name = 'StartFailure';
  readonly reason: StartFailureReason;

  constructor(reason: StartFailureReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}

export type StartFailureReason =
  | 'ErrImagePull'
  | 'ImagePullBackOff'
  | 'ErrImageNeverPull'
  | 'InvalidImageName'
  | 'ImageInspectError'
  | 'CreateContainerConfigError'
  | 'CreateContainerError'
  | 'RunContainerError'
  | 'PostStartHookError';
