/**
 * Maps whose keys come from users: `__proto__`, `constructor` and `toString` are legal keys of a ConfigMap or a label
 * (law 12). Reading with `[]` may meet the prototype, and assigning `__proto__` loses the key; these do neither.
 */
export function getOwn<T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}

export function hasOwn(record: object | undefined, key: string): boolean {
  return record !== undefined && Object.hasOwn(record, key);
}

/** Sets an own, enumerable property, whatever its name. */
export function setOwn<T>(record: Record<string, T>, key: string, value: T): void {
  if (key === '__proto__') Object.defineProperty(record, key, { value, writable: true, enumerable: true, configurable: true });
  else record[key] = value;
}

/** A copy with one key set. */
export function withKey<T>(record: Readonly<Record<string, T>> | undefined, key: string, value: T): Record<string, T> {
  const copy: Record<string, T> = { ...record };
  setOwn(copy, key, value);
  return copy;
}

/** A copy without one key. */
export function withoutKey<T>(record: Readonly<Record<string, T>> | undefined, key: string): Record<string, T> {
  const copy: Record<string, T> = { ...record };
  delete copy[key];
  return copy;
}

/** Freezes a value made of plain objects and arrays, all the way down. Depth is bounded by whoever parsed it. */
export function deepFreeze<T>(value: T): T {
  // Only the root is asked whether it is frozen already: asking costs three times as much as freezing again.
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  return freezeAll(value);
}

function freezeAll<T extends object>(value: T): T {
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const item: unknown = value[i];
      if (typeof item === 'object' && item !== null) freezeAll(item);
    }
  } else {
    for (const key in value) {
      const item = value[key];
      if (typeof item === 'object' && item !== null) freezeAll(item);
    }
  }
  return Object.freeze(value);
}
