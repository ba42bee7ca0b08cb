/** Shorter texts are cheaper to keep twice than to write again. */
const LONG = 16;

type Parsed = { [key: string]: unknown } | unknown[];

const isParsed = (value: unknown): value is Parsed => typeof value === 'object' && value !== null;

/**
 * `value` with every part that `model` has at the same place taken from there: most of a pod is what its siblings have, and so need
 * not be in memory as often. Equal means the same text of JSON, order of keys included. `value` is plain data; it is changed where it is
 * not frozen, to nothing that could be told apart.
 */
export function sharing<T>(value: T, model: unknown): T {
  return isParsed(value) && isParsed(model) ? (shared(value, model) as T) : value;
}

function shared(value: Parsed, model: Parsed): Parsed {
  if (Array.isArray(value)) return Array.isArray(model) ? sharedList(value, model) : value;
  return Array.isArray(model) ? value : sharedFields(value, model);
}

function sharedList(value: unknown[], model: unknown[]): unknown[] {
  let same = value.length === model.length;
  for (let i = 0; i < value.length && i < model.length; i++) {
    const mine = value[i];
    const part = isParsed(mine) && isParsed(model[i]) ? shared(mine, model[i] as Parsed) : mine;
    if (part !== mine) {
      if (Object.isFrozen(value)) return value;
      value[i] = part;
    }
    if (part !== model[i]) same = false;
  }
  return same ? model : value;
}

function sharedFields(value: { [key: string]: unknown }, model: { [key: string]: unknown }): { [key: string]: unknown } {
  let same = true;
  for (const key in value) {
    const mine = value[key];
    const other = model[key];
    // Read from an object without such a field it would be what all inherit.
    if (key === '__proto__') same = false;
    else if (isParsed(mine)) {
      const part = isParsed(other) ? shared(mine, other) : mine;
      if (part !== mine) {
        if (Object.isFrozen(value)) return value;
        value[key] = part;
      }
      if (part !== other) same = false;
    } else if (mine !== other) same = false;
    // Equal texts need not be one text.
    else if (typeof mine === 'string' && mine.length >= LONG && !Object.isFrozen(value)) value[key] = other;
  }
  return same && sameKeys(Object.keys(value), Object.keys(model)) ? model : value;
}

function sameKeys(mine: readonly string[], others: readonly string[]): boolean {
  return mine.length === others.length && mine.every((key, i) => key === others[i]);
}
