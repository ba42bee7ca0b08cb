import { type FieldPath, forbidden, invalid, notSupported, required } from '../../machinery/field-error.ts';
import { httpHeaderNameFaults, portNameFaults, portNumberFaults } from '../../machinery/names.ts';
import { addFaults, checkNonNegative, type Errors, isEmpty, POSITIVE } from '../checks.ts';
import type * as core from '../gen/types/core.v1.ts';

type Action = Pick<core.LifecycleHandler, 'exec' | 'httpGet' | 'tcpSocket' | 'sleep'> & { readonly grpc?: core.GRPCAction | undefined };

/** What a probe or a hook does: exactly one thing. */
function validateAction(action: Action, path: FieldPath, graceSeconds: number | undefined): Errors {
  const errors: Errors = [];
  let found = 0;
  const take = (name: keyof Action, check: (at: FieldPath) => void): void => {
    if (action[name] === undefined) return;
    if (found++ > 0) errors.push(forbidden(path.child(name), 'may not specify more than 1 handler type'));
    else check(path.child(name));
  };
  take('exec', (at) => {
    if ((action.exec?.command ?? []).length === 0) errors.push(required(at.child('command')));
  });
  take('httpGet', (at) => errors.push(...validateHttpGet(action.httpGet, at)));
  take('tcpSocket', (at) => checkPort(errors, at.child('port'), action.tcpSocket?.port));
  take('grpc', (at) => addFaults(errors, at.child('port'), action.grpc?.port ?? 0, portNumberFaults(action.grpc?.port ?? 0)));
  take('sleep', (at) => {
    const seconds = action.sleep?.seconds ?? 0;
    if (graceSeconds !== undefined && (seconds < 0 || seconds > graceSeconds))
      errors.push(invalid(at, seconds, `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`));
  });
  if (found === 0) errors.push(required(path, 'must specify a handler type'));
  return errors;
}

function validateHttpGet(get: core.HTTPGetAction | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  if (isEmpty(get?.path)) errors.push(required(path.child('path')));
  checkPort(errors, path.child('port'), get?.port);
  if (get?.scheme !== 'HTTP' && get?.scheme !== 'HTTPS') errors.push(notSupported(path.child('scheme'), get?.scheme ?? '', ['HTTP', 'HTTPS']));
  for (const { name } of get?.httpHeaders ?? []) addFaults(errors, path.child('httpHeaders'), name, httpHeaderNameFaults(name));
  return errors;
}

/** By number or by name. */
export function checkPort(errors: Errors, path: FieldPath, port: number | string | undefined): void {
  if (typeof port === 'string') addFaults(errors, path, port, portNameFaults(port));
  else addFaults(errors, path, port ?? 0, portNumberFaults(port ?? 0));
}

function validateProbe(probe: core.Probe, path: FieldPath, graceSeconds: number | undefined): Errors {
  const errors: Errors = validateAction(probe, path, graceSeconds);
  for (const field of ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'] as const)
    checkNonNegative(errors, path.child(field), probe[field]);
  const own = probe.terminationGracePeriodSeconds;
  if (own !== undefined && own <= 0) errors.push(invalid(path.child('terminationGracePeriodSeconds'), own, POSITIVE));
  return errors;
}

interface WithProbes {
  readonly lifecycle?: core.Lifecycle | undefined;
  readonly livenessProbe?: core.Probe | undefined;
  readonly readinessProbe?: core.Probe | undefined;
  readonly startupProbe?: core.Probe | undefined;
}

export function validateHooksAndProbes(
  { lifecycle, livenessProbe, readinessProbe, startupProbe }: WithProbes,
  path: FieldPath,
  graceSeconds: number | undefined,
): Errors {
  const errors: Errors = [];
  for (const name of ['postStart', 'preStop'] as const) {
    const hook = lifecycle?.[name];
    if (hook !== undefined) errors.push(...validateAction(hook, path.child('lifecycle', name), graceSeconds));
  }
  const once = (name: string, probe: core.Probe | undefined): void => {
    if (probe === undefined) return;
    errors.push(...validateProbe(probe, path.child(name), graceSeconds));
    if (probe.successThreshold !== 1) errors.push(invalid(path.child(name, 'successThreshold'), probe.successThreshold ?? 0, 'must be 1'));
  };
  once('livenessProbe', livenessProbe);
  if (readinessProbe !== undefined) {
    errors.push(...validateProbe(readinessProbe, path.child('readinessProbe'), graceSeconds));
    const own = readinessProbe.terminationGracePeriodSeconds;
    if (own !== undefined) errors.push(invalid(path.child('readinessProbe', 'terminationGracePeriodSeconds'), own, 'must not be set for readinessProbes'));
  }
  once('startupProbe', startupProbe);
  return errors;
}
