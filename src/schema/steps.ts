/**
 * Work that can be put down between its steps, so that whoever carries it out may let others have the event loop. Nothing that it
 * works on may change meanwhile.
 */
export type Steps<T> = Generator<void, T>;

/** All of it at once. */
export function finished<T>(steps: Steps<T>): T {
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
}
