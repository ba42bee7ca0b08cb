import type { FieldError } from '../machinery/field-error.ts';
import { NEW_FAULTS } from './ip.ts';

type Validate<T> = (object: T) => readonly FieldError[];

const isNew = ({ detail }: FieldError): boolean => NEW_FAULTS.has(detail);

/** For an update: addresses that the object already had may stay, though a new object may not have them (KEP-4858). */
export function keepOldAddresses<T>(validate: Validate<T>): (object: T, old: T) => readonly FieldError[] {
  return (object, old) => {
    const errors = validate(object);
    if (!errors.some(isNew)) return errors;
    const known = new Set(
      validate(old)
        .filter(isNew)
        .map(({ value }) => value),
    );
    return errors.filter((error) => !isNew(error) || !known.has(error.value));
  };
}
