/**
 * Is a history of concurrent operations on one key the history of some order of them, each at a moment between its call and its
 * answer? Wing and Gong's search with Lowe's memory of what was tried. Keys are checked one by one: linearizability is local.
 */

/** What the key holds. Values are unique: a value tells its write. */
export type KeyState = { readonly rv: number; readonly value: string } | undefined;

export type Operation =
  | { readonly do: 'get'; readonly found: KeyState }
  /** `answer`: the version made, or why not. `unanswered`: it may have happened. */
  | { readonly do: 'create'; readonly value: string; readonly answer: number | 'exists' | 'unanswered' }
  | { readonly do: 'update'; readonly value: string; readonly expected: number; readonly answer: number | 'conflict' | 'absent' | 'unanswered' }
  | { readonly do: 'patch'; readonly value: string; readonly answer: number | 'absent' | 'unanswered' }
  | { readonly do: 'delete'; readonly answer: 'deleted' | 'absent' | 'unanswered' };

export interface Timed {
  readonly operation: Operation;
  /** ms. An unanswered operation is over when the process that had it is dead. */
  readonly calledAt: number;
  readonly answeredAt: number;
}

export type Verdict = { readonly linearizable: true } | { readonly linearizable: false; readonly stuckAt: readonly Timed[]; readonly state: KeyState };

/** Versions of writes that were never answered, where somebody saw them. */
export type SeenVersions = ReadonlyMap<string, number>;

interface Place {
  /** Everything before it is placed. */
  readonly first: number;
  /** And these after it. */
  readonly more: ReadonlySet<number>;
  readonly state: KeyState;
}

export function check(history: readonly Timed[]): Verdict {
  const operations = history.toSorted((a, b) => a.calledAt - b.calledAt);
  const seen = versionsOf(operations);
  const tried = new Set<string>();
  const stack: Place[] = [{ first: 0, more: new Set(), state: undefined }];
  let furthest: Place = stack[0] as Place;
  for (let place = stack.pop(); place !== undefined; place = stack.pop()) {
    if (place.first === operations.length) return { linearizable: true };
    const key = `${place.first} ${[...place.more].toSorted((a, b) => a - b).join(',')} ${place.state?.rv ?? 0} ${place.state?.value ?? ''}`;
    if (tried.has(key)) continue;
    tried.add(key);
    if (place.first > furthest.first) furthest = place;
    for (const index of nextOnes(operations, place)) {
      const { operation } = operations[index] as Timed;
      const after = apply(operation, place.state, seen);
      if ('answer' in operation && operation.answer === 'unanswered') stack.push(placed(place, index, place.state));
      if (after !== 'impossible') stack.push(placed(place, index, after));
    }
  }
  return { linearizable: false, stuckAt: nextOnes(operations, furthest).map((index) => operations[index] as Timed), state: furthest.state };
}

function versionsOf(operations: readonly Timed[]): SeenVersions {
  const seen = new Map<string, number>();
  for (const { operation } of operations) if (operation.do === 'get' && operation.found !== undefined) seen.set(operation.found.value, operation.found.rv);
  return seen;
}

/** Those that were called before any that is left was answered. */
function nextOnes(operations: readonly Timed[], { first, more }: Place): readonly number[] {
  const next: number[] = [];
  let until = Number.POSITIVE_INFINITY;
  for (let index = first; index < operations.length; index++) {
    const { calledAt, answeredAt } = operations[index] as Timed;
    if (calledAt > until) break;
    if (more.has(index)) continue;
    until = Math.min(until, answeredAt);
    next.push(index);
  }
  return next.filter((index) => (operations[index] as Timed).calledAt <= until);
}

function placed({ first, more }: Place, index: number, state: KeyState): Place {
  const after = new Set(more).add(index);
  let from = first;
  while (after.delete(from)) from++;
  return { first: from, more: after, state };
}

/** The key after the operation, if it can have given that answer. */
export function apply(operation: Operation, state: KeyState, seen: SeenVersions): KeyState | 'impossible' {
  if (operation.do === 'get') return operation.found?.rv === state?.rv && operation.found?.value === state?.value ? state : 'impossible';
  if (operation.do === 'delete') {
    const { answer } = operation;
    if (answer === 'absent') return state === undefined ? state : 'impossible';
    return state === undefined ? 'impossible' : undefined;
  }
  const { answer } = operation;
  if (answer === 'exists') return state !== undefined ? state : 'impossible';
  if (answer === 'absent') return state === undefined ? state : 'impossible';
  if (answer === 'conflict') return operation.do === 'update' && state !== undefined && state.rv !== operation.expected ? state : 'impossible';
  if (operation.do === 'create' ? state !== undefined : state === undefined) return 'impossible';
  if (operation.do === 'update' && state?.rv !== operation.expected) return 'impossible';
  // Never seen: nobody can name its version.
  const rv = answer === 'unanswered' ? (seen.get(operation.value) ?? -1) : answer;
  if (rv !== -1 && state !== undefined && rv <= state.rv) return 'impossible';
  return { rv, value: operation.value };
}
