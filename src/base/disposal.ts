/** Ends what was started, in reverse order, each once; a failing one does not keep the others from ending. */
export class Disposals implements AsyncDisposable {
  readonly #all: (() => void | PromiseLike<void>)[] = [];
  #ended: Promise<void> | undefined;

  /** Registers an end. After disposal it is run at once. */
  add(end: () => void | PromiseLike<void>): void {
    if (this.#ended === undefined) this.#all.push(end);
    else void Promise.resolve().then(end);
  }

  use<T extends Disposable | AsyncDisposable>(thing: T): T {
    this.add(() => (Symbol.asyncDispose in thing ? thing[Symbol.asyncDispose]() : thing[Symbol.dispose]()));
    return thing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#ended ??= this.#run();
    return this.#ended;
  }

  async #run(): Promise<void> {
    const errors: unknown[] = [];
    for (let end = this.#all.pop(); end !== undefined; end = this.#all.pop()) {
      try {
        await end();
      } catch (thrown) {
        errors.push(thrown);
      }
    }
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, `${errors.length} ends failed`);
  }
}
