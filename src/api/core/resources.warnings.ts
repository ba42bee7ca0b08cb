import type { FieldPath } from '../../machinery/field-error.ts';
import { quantityOf } from './resources.validation.ts';

/** Bytes are whole. */
export function fractionWarnings(amount: string | undefined, path: FieldPath): readonly string[] {
  if (amount === undefined || quantityOf(amount).nanos % 1_000_000_000n === 0n) return [];
  return [`${path}: fractional byte value ${JSON.stringify(amount)} is invalid, must be an integer`];
}
