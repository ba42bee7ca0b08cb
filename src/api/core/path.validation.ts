import { type FieldPath, invalid } from '../../machinery/field-error.ts';
import type { Errors } from '../checks.ts';

const hasBackstep = (path: string): boolean => path.split('/').includes('..');

export function checkNoBacksteps(errors: Errors, at: FieldPath, path: string): void {
  if (hasBackstep(path)) errors.push(invalid(at, path, "must not contain '..'"));
}

/** Relative, and never upwards. */
export function checkDescendingPath(errors: Errors, at: FieldPath, path: string): void {
  if (path.startsWith('/')) errors.push(invalid(at, path, 'must be a relative path'));
  checkNoBacksteps(errors, at, path);
}

/** Also without the names that the volume's own bookkeeping uses (`..data`). */
export function checkFileName(errors: Errors, at: FieldPath, path: string): void {
  checkDescendingPath(errors, at, path);
  if (path.startsWith('..') && path !== '..' && !path.startsWith('../')) errors.push(invalid(at, path, "must not start with '..'"));
}

/** Permission bits. */
export function checkMode(errors: Errors, at: FieldPath, mode: number | undefined): void {
  if (mode !== undefined && (mode < 0 || mode > 0o777)) errors.push(invalid(at, mode, 'must be a number between 0 and 0777 (octal), both inclusive'));
}
