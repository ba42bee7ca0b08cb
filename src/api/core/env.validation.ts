import { type FieldPath, invalid, notFound, notSupported, required } from '../../machinery/field-error.ts';
import {
  configMapKeyFaults,
  dns1123LabelFaults,
  dns1123SubdomainFaults,
  maskTrailingDash,
  qualifiedNameFaults,
  relaxedEnvVarNameFaults,
} from '../../machinery/names.ts';
import { formatQuantity } from '../../machinery/quantity.ts';
import { addFaults, checkName, type Errors, isEmpty } from '../checks.ts';
import type * as core from '../gen/types/core.v1.ts';
import { checkNoBacksteps } from './path.validation.ts';
import { containersOf } from './placed-containers.ts';
import { quantityOf } from './resources.validation.ts';

/** Field paths that stand for a value of the pod, where it is read into a variable. */
const ENV_FIELDS = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
const FILE_FIELDS = ['metadata.annotations', 'metadata.labels', 'metadata.name', 'metadata.namespace', 'metadata.uid'];
/** What else the server knows of, but gives to nobody. */
const KNOWN_FIELDS = new Set([...ENV_FIELDS, ...FILE_FIELDS, 'spec.restartPolicy', 'spec.schedulerName', 'status.phase']);

const AMOUNTS = ['limits.cpu', 'limits.ephemeral-storage', 'limits.memory', 'requests.cpu', 'requests.ephemeral-storage', 'requests.memory'];

export function validateEnv(env: readonly core.EnvVar[] | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  if (env === undefined) return errors;
  for (let i = 0; i < env.length; i++) {
    const { name, value, valueFrom } = env[i] as core.EnvVar;
    // Pods have dozens of them, nearly all well-formed: paths are made for the others.
    if (isEmpty(name)) errors.push(required(path.index(i).child('name')));
    else {
      const faults = relaxedEnvVarNameFaults(name);
      if (faults.length > 0) addFaults(errors, path.index(i).child('name'), name, faults);
    }
    if (valueFrom !== undefined) errors.push(...validateValueFrom(value, valueFrom, path.index(i).child('valueFrom')));
  }
  return errors;
}

function validateValueFrom(value: string | undefined, valueFrom: core.EnvVarSource, path: FieldPath): Errors {
  const errors: Errors = [];
  let sources = 0;
  const take = <T>(source: T | undefined, check: (source: T) => Errors): void => {
    if (source === undefined) return;
    sources++;
    errors.push(...check(source));
  };
  take(valueFrom.fieldRef, (ref) => validateFieldRef(ref, path.child('fieldRef'), ENV_FIELDS));
  take(valueFrom.resourceFieldRef, (ref) => validateResourceFieldRef(ref, path.child('resourceFieldRef'), false));
  take(valueFrom.configMapKeyRef, (ref) => validateKeyRef(ref, path.child('configMapKeyRef')));
  take(valueFrom.secretKeyRef, (ref) => validateKeyRef(ref, path.child('secretKeyRef')));
  take(valueFrom.fileKeyRef, (ref) => validateFileKeyRef(ref, path.child('fileKeyRef')));
  if (sources === 0) errors.push(invalid(path, '', 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`'));
  if (!isEmpty(value)) {
    if (sources !== 0) errors.push(invalid(path, '', 'may not be specified when `value` is not empty'));
  } else if (sources > 1) {
    errors.push(invalid(path, '', 'may not have more than one field specified at a time'));
  }
  return errors;
}

function validateKeyRef({ name, key }: { readonly name?: string | undefined; readonly key: string }, path: FieldPath): Errors {
  const errors: Errors = [];
  addFaults(errors, path.child('name'), name ?? '', dns1123SubdomainFaults(name ?? ''));
  checkName(errors, path.child('key'), key, configMapKeyFaults);
  return errors;
}

function validateFileKeyRef({ volumeName, path: file, key }: core.FileKeySelector, path: FieldPath): Errors {
  const errors: Errors = [];
  checkName(errors, path.child('key'), key, relaxedEnvVarNameFaults);
  checkName(errors, path.child('volumeName'), volumeName, dns1123LabelFaults);
  if (isEmpty(file)) errors.push(required(path.child('path')));
  else checkNoBacksteps(errors, path.child('path'), file);
  return errors;
}

/** Files of variables are written by one container and read by the next: into a volume that lives as long as the pod (KEP-3721). */
export function validateEnvFiles(spec: core.PodSpec, path: FieldPath): Errors {
  const errors: Errors = [];
  for (const { container, path: at } of containersOf(spec, path)) {
    for (const [i, { valueFrom }] of (container.env ?? []).entries()) {
      const name = valueFrom?.fileKeyRef?.volumeName;
      if (name === undefined) continue;
      const volume = (spec.volumes ?? []).findLast((v) => v.name === name);
      const where = at.child('env').index(i).child('valueFrom', 'fileKeyRef').child('volumeName');
      if (volume === undefined) errors.push(notFound(where, name));
      else if (volume.emptyDir === undefined) errors.push(invalid(where, name, 'referenced volume must be of type emptyDir'));
    }
  }
  return errors;
}

export const validateFileFieldRef = (ref: core.ObjectFieldSelector, path: FieldPath): Errors => validateFieldRef(ref, path, FILE_FIELDS);

function validateFieldRef({ apiVersion, fieldPath }: core.ObjectFieldSelector, path: FieldPath, allowed: readonly string[]): Errors {
  if (isEmpty(apiVersion)) return [required(path.child('apiVersion'))];
  if (isEmpty(fieldPath)) return [required(path.child('fieldPath'))];
  const at = path.child('fieldPath');
  const unknown = (fault: string): Errors => [invalid(at, fieldPath, `error converting fieldPath: ${fault}`)];
  if (apiVersion !== 'v1') return unknown(`unsupported pod version: ${apiVersion}`);
  // `metadata.labels['app']`.
  const [, map, key = ''] = /^(.+?)\['(.*)'\]$/.exec(fieldPath) ?? [];
  if (map === 'metadata.annotations') return qualifiedNameFaults(key.toLowerCase()).map((fault) => invalid(path, key.toLowerCase(), fault));
  if (map === 'metadata.labels') return qualifiedNameFaults(key).map((fault) => invalid(path, key, fault));
  if (map !== undefined) return unknown(`field label does not support subscript: ${fieldPath}`);
  // Before 1.0, the name of the node was the pod's host.
  const field = fieldPath === 'spec.host' ? 'spec.nodeName' : fieldPath;
  if (!KNOWN_FIELDS.has(field)) return unknown(`field label not supported: ${fieldPath}`);
  return allowed.includes(field) ? [] : [notSupported(at, field, allowed)];
}

/** In a file the container must be named; in a variable it is the variable's own. */
export function validateResourceFieldRef({ containerName, resource, divisor }: core.ResourceFieldSelector, path: FieldPath, inFile: boolean): Errors {
  const errors: Errors = [];
  if (inFile && isEmpty(containerName)) errors.push(required(path.child('containerName')));
  else if (isEmpty(resource)) errors.push(required(path.child('resource')));
  else if (!HUGE_PAGES.test(resource) && !AMOUNTS.includes(resource)) errors.push(notSupported(path.child('resource'), resource, AMOUNTS));
  return [...errors, ...validateDivisor(resource ?? '', divisor, path.child('divisor'))];
}

const HUGE_PAGES = /^(limits|requests)\.hugepages-/;
const CPU_DIVISORS = ['1m', '1'];
const BYTE_DIVISORS = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei'];

/** What a divisor is called in messages, by the resource. */
const DIVIDED: Readonly<Record<string, string>> = {
  'limits.memory': 'memory',
  'requests.memory': 'memory',
  'limits.ephemeral-storage': 'local ephemeral storage',
  'requests.ephemeral-storage': 'local ephemeral storage',
};

/** As it is written: 1024 is no 1Ki. */
function validateDivisor(resource: string, divisor: string | undefined, path: FieldPath): Errors {
  if (divisor === undefined || quantityOf(divisor).nanos === 0n) return [];
  const text = formatQuantity(quantityOf(divisor));
  if (resource === 'limits.cpu' || resource === 'requests.cpu')
    return CPU_DIVISORS.includes(text) ? [] : [invalid(path, resource, "only divisor's values 1m and 1 are supported with the cpu resource")];
  const word = HUGE_PAGES.test(resource) ? 'hugepages' : DIVIDED[resource];
  if (word === undefined || BYTE_DIVISORS.includes(text)) return [];
  return [invalid(path, resource, `only divisor's values ${BYTE_DIVISORS.join(', ')} are supported with the ${word} resource`)];
}

export function validateEnvFrom(sources: readonly core.EnvFromSource[] | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  for (const [i, source] of (sources ?? []).entries()) {
    const at = path.index(i);
    if (!isEmpty(source.prefix)) addFaults(errors, at.child('prefix'), source.prefix, relaxedEnvVarNameFaults(source.prefix));
    for (const field of ['configMapRef', 'secretRef'] as const) {
      const ref = source[field];
      if (ref !== undefined) checkName(errors, at.child(field, 'name'), ref.name, (name) => dns1123SubdomainFaults(maskTrailingDash(name)));
    }
    const given = [source.configMapRef, source.secretRef].filter((s) => s !== undefined).length;
    if (given === 0) errors.push(invalid(path, '', 'must specify one of: `configMapRef` or `secretRef`'));
    else if (given > 1) errors.push(invalid(path, '', 'may not have more than one field specified at a time'));
  }
  return errors;
}
