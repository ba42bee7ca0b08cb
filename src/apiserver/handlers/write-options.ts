import { type FieldError, FieldPath, notSupported, required, forbidden } from '../../machinery/field-error.ts';
import { utf8Length, validateFieldManager } from '../../machinery/metadata.ts';
import type { JsonObject } from '../../machinery/object.ts';
import type { FieldValidation } from '../codec/decode.ts';
import type { Call } from './call.ts';
import { invalidOptions, type Query } from './query.ts';

/** CreateOptions, UpdateOptions and PatchOptions, read from the query. */
export interface WriteOptions {
  readonly dryRun: boolean;
  readonly fieldValidation: FieldValidation;
  /** Given, or the product part of the user agent. */
  readonly fieldManager: string;
  readonly force: boolean;
  /** As admission shows them. */
  readonly json: JsonObject;
}

const MANAGER = new FieldPath('fieldManager');
const VALIDATIONS: readonly string[] = ['', 'Ignore', 'Strict', 'Warn'];

export function writeOptions(call: Call, kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions', apply = false): WriteOptions {
  const { query } = call;
  const given = query.get('fieldManager') ?? '';
  const validation = query.get('fieldValidation') ?? '';
  const force = query.flag('force');
  // In the order of apimachinery's `ValidatePatchOptions`.
  const errors: FieldError[] = [];
  if (apply && given === '') errors.push(required(MANAGER, 'is required for apply patch'));
  if (!apply && kind === 'PatchOptions' && force !== undefined) errors.push(forbidden(new FieldPath('force'), 'may not be specified for non-apply patch'));
  errors.push(...validateFieldManager(given, MANAGER), ...dryRunErrors(query.all('dryRun')));
  if (!VALIDATIONS.includes(validation)) errors.push(notSupported(new FieldPath('fieldValidation'), validation, VALIDATIONS));
  if (errors.length > 0) throw invalidOptions(kind, errors);
  const dryRun = isDryRun(query);
  return {
    dryRun,
    fieldValidation: validation === '' ? 'Warn' : (validation as FieldValidation),
    fieldManager: given === '' ? managerOfAgent(call.userAgent) : given,
    force: force === true,
    json: {
      kind,
      apiVersion: 'meta.k8s.io/v1',
      ...(dryRun ? { dryRun: ['All'] } : {}),
      ...(given === '' ? {} : { fieldManager: given }),
      ...(validation === '' ? {} : { fieldValidation: validation }),
    },
  };
}

export const isDryRun = (query: Query): boolean => query.all('dryRun').length > 0;

export function dryRunErrors(values: readonly string[]): readonly FieldError[] {
  return values.every((value) => value === 'All') ? [] : [notSupported(new FieldPath('dryRun'), values as string[], ['All'])];
}

/** Of bytes. */
const MAX_MANAGER = 128;
/** Nearly all agents: a byte each. */
const PLAIN = /^[ -~]*$/;
const PRINTED = /[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u;

/** `kubectl/v1.36 (linux)` gives `kubectl`; what can't be printed is left out. */
function managerOfAgent(userAgent: string): string {
  const product = userAgent.slice(0, MAX_AGENT).split('/', 1)[0] ?? '';
  if (PLAIN.test(product)) return product.slice(0, MAX_MANAGER);
  let out = '';
  let bytes = 0;
  for (const char of product) {
    if (!PRINTED.test(char)) continue;
    bytes += utf8Length(char);
    if (bytes > MAX_MANAGER) break;
    out += char;
  }
  return out;
}

const MAX_AGENT = 1024;
