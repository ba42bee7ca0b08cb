import type { FieldError } from '../../machinery/field-error.ts';
import { InvalidObject } from '../../machinery/status-error.ts';
import type { Core } from '../core.ts';

/** The words for so many take a turn of their own. */
const MANY = 2000;

/** Throws 422 when there are errors: all of them, as Kubernetes lists them. */
export async function refuseInvalid(
  { yieldToLoop }: Pick<Core, 'yieldToLoop'>,
  about: { readonly group: string; readonly kind: string },
  name: string,
  errors: readonly FieldError[],
): Promise<void> {
  if (errors.length === 0) return;
  const refusal = new InvalidObject(about, name);
  for (let from = 0; from < errors.length; from += MANY) {
    if (errors.length > MANY) await yieldToLoop();
    refusal.add(errors.slice(from, from + MANY));
  }
  if (errors.length > MANY) await yieldToLoop();
  throw refusal.error();
}
