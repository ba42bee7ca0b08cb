import type { FieldError } from '../../machinery/field-error.ts';
import { invalidObject } from '../../machinery/status-error.ts';
import type { Core } from '../core.ts';

/** The words for so many take a turn of their own. */
const MANY = 500;

/** Throws 422 when there are errors: all of them, as Kubernetes lists them. */
export async function refuseInvalid(
  { yieldToLoop }: Pick<Core, 'yieldToLoop'>,
  about: { readonly group: string; readonly kind: string },
  name: string,
  errors: readonly FieldError[],
): Promise<void> {
  if (errors.length === 0) return;
  if (errors.length > MANY) await yieldToLoop();
  throw invalidObject(about, name, errors);
}
