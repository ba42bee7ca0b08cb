import { type FieldPath, invalid, required } from '../machinery/field-error.ts';
import { dns1123SubdomainFaults } from '../machinery/names.ts';
import { addFaults, type Errors } from './checks.ts';

const PATH = /^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/;
const PATH_FAULT = "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')";

/** `example.com/controller`: who looks after an object. */
export function domainPrefixedPathErrors(text: string, path: FieldPath): Errors {
  const errors: Errors = [];
  if (text === '') return [required(path)];
  const slash = text.indexOf('/');
  if (slash <= 0 || slash === text.length - 1) return [invalid(path, text, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  addFaults(errors, path, text.slice(0, slash), dns1123SubdomainFaults(text.slice(0, slash)));
  if (!PATH.test(text.slice(slash + 1))) errors.push(invalid(path, text.slice(slash + 1), PATH_FAULT));
  return errors;
}
