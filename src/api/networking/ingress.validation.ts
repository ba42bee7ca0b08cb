import { type FieldError, type FieldPath, invalid, notSupported, required } from '../../machinery/field-error.ts';
import {
  dns1123LabelFaults,
  dns1123SubdomainFaults,
  pathSegmentNameFaults,
  portNameFaults,
  portNumberFaults,
  wildcardSubdomainFaults,
} from '../../machinery/names.ts';
import { addFaults, asJson, checkName, type Errors, IMMUTABLE, isEmpty, root } from '../checks.ts';
import { domainPrefixedPathErrors } from '../domain-prefixed-path.ts';
import type * as core from '../gen/types/core.v1.ts';
import type * as networking from '../gen/types/networking.v1.ts';
import { ipFaults, isIP } from '../ip.ts';

const SPEC = root('spec');
const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix'];
const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';

/** What an object had that earlier versions took, so that it may keep it. */
interface Kept {
  readonly secretNames?: boolean;
  /** Paths of rules with a wildcard in their host were not looked at. */
  readonly wildcardRules?: boolean;
}

export function validateIngress(ingress: networking.Ingress): readonly FieldError[] {
  const errors = validateSpec(ingress);
  const annotated = ingress.metadata?.annotations?.[CLASS_ANNOTATION];
  const named = ingress.spec?.ingressClassName;
  if (annotated !== undefined && named !== undefined && annotated !== named)
    errors.push(invalid(root('annotations').child(CLASS_ANNOTATION), annotated, 'must match `ingressClassName` when both are specified'));
  return errors;
}

export function validateIngressUpdate(ingress: networking.Ingress, { spec }: networking.Ingress): readonly FieldError[] {
  return validateSpec(ingress, {
    secretNames: (spec?.tls ?? []).some(({ secretName }) => secretFaults(secretName).length > 0),
    wildcardRules: (spec?.rules ?? []).some(({ host, http }) => isWildcard(host) && validateHttp(http, SPEC).length > 0),
  });
}

const isWildcard = (host: string | undefined): boolean => host?.includes('*') ?? false;
const secretFaults = (name: string | undefined): readonly string[] => (isEmpty(name) ? [] : dns1123SubdomainFaults(name));

function validateSpec({ spec }: networking.Ingress, kept: Kept = {}): Errors {
  const errors: Errors = [];
  const rules = spec?.rules ?? [];
  if (rules.length === 0 && spec?.defaultBackend === undefined)
    errors.push(invalid(SPEC, asJson(spec?.rules), 'either `defaultBackend` or `rules` must be specified'));
  if (spec?.defaultBackend !== undefined) errors.push(...validateBackend(spec.defaultBackend, SPEC.child('defaultBackend')));
  for (const [i, rule] of rules.entries()) errors.push(...validateRule(rule, SPEC.child('rules').index(i), kept));
  for (const [i, tls] of (spec?.tls ?? []).entries()) {
    const at = SPEC.child('tls').index(i);
    for (const [j, host] of (tls.hosts ?? []).entries()) addFaults(errors, at.child('hosts').index(j), host, hostFaults(host));
    if (kept.secretNames !== true) addFaults(errors, at.child('secretName'), tls.secretName, secretFaults(tls.secretName));
  }
  const name = spec?.ingressClassName;
  if (name !== undefined) addFaults(errors, SPEC.child('ingressClassName'), name, dns1123SubdomainFaults(name));
  return errors;
}

/** Where it is reached: addresses and names. */
export function validateIngressStatus({ status }: networking.Ingress): readonly FieldError[] {
  const errors: Errors = [];
  const path = root('status').child('loadBalancer', 'ingress');
  for (const [i, { ip, hostname }] of (status?.loadBalancer?.ingress ?? []).entries()) {
    const at = path.index(i);
    if (!isEmpty(ip)) addFaults(errors, at.child('ip'), ip, ipFaults(ip));
    if (isEmpty(hostname)) continue;
    addFaults(errors, at.child('hostname'), hostname, dns1123SubdomainFaults(hostname));
    if (isIP(hostname)) errors.push(invalid(at.child('hostname'), hostname, NO_ADDRESS));
  }
  return errors;
}

const NO_ADDRESS = 'must be a DNS name, not an IP address';

const hostFaults = (host: string): readonly string[] => (isWildcard(host) ? wildcardSubdomainFaults(host) : dns1123SubdomainFaults(host));

function validateRule({ host, http }: networking.IngressRule, path: FieldPath, kept: Kept): Errors {
  const errors: Errors = [];
  if (!isEmpty(host)) {
    if (isIP(host)) errors.push(invalid(path.child('host'), host, NO_ADDRESS));
    addFaults(errors, path.child('host'), host, hostFaults(host));
  }
  return isWildcard(host) && kept.wildcardRules === true ? errors : [...errors, ...validateHttp(http, path.child('http'))];
}

function validateHttp(http: networking.HTTPIngressRuleValue | undefined, path: FieldPath): Errors {
  if (http === undefined) return [];
  const at = path.child('paths');
  if ((http.paths ?? []).length === 0) return [required(at)];
  return http.paths.flatMap((entry, i) => validatePath(entry, at.index(i)));
}

const BAD_PARTS = ['//', '/./', '/../', '%2f', '%2F'];
const BAD_ENDS = ['/..', '/.'];

function validatePath(entry: networking.HTTPIngressPath, path: FieldPath): Errors {
  const errors: Errors = [];
  const at = path.child('path');
  const text = entry.path ?? '';
  if (isEmpty(entry.pathType)) return [required(path.child('pathType'), 'pathType must be specified')];
  if (entry.pathType === 'Exact' || entry.pathType === 'Prefix') {
    if (!text.startsWith('/')) errors.push(invalid(at, text, 'must be an absolute path'));
    if (text !== '') {
      for (const part of BAD_PARTS) if (text.includes(part)) errors.push(invalid(at, text, `must not contain '${part}'`));
      for (const end of BAD_ENDS) if (text.endsWith(end)) errors.push(invalid(at, text, `cannot end with '${end}'`));
    }
  } else if (entry.pathType === 'ImplementationSpecific') {
    if (text !== '' && !text.startsWith('/')) errors.push(invalid(at, text, 'must be an absolute path'));
  } else {
    errors.push(notSupported(path.child('pathType'), entry.pathType, PATH_TYPES));
  }
  errors.push(...validateBackend(entry.backend, path.child('backend')));
  return errors;
}

function validateBackend({ resource, service }: networking.IngressBackend, path: FieldPath): Errors {
  const errors: Errors = [];
  if (resource !== undefined && service !== undefined) return [invalid(path, '', 'cannot set both resource and service backends')];
  if (resource !== undefined) return validateObjectReference(resource, path.child('resource'));
  if (service === undefined) return [invalid(path, '', 'resource or service backend is required')];
  checkName(errors, path.child('service', 'name'), service.name, dns1123LabelFaults);
  const { name, number } = service.port ?? {};
  const at = path.child('service', 'port');
  if (isEmpty(name) && (number ?? 0) === 0) errors.push(required(path, 'port name or number is required'));
  else if (!isEmpty(name) && (number ?? 0) !== 0) errors.push(invalid(path, '', 'cannot set both port name & port number'));
  else if (!isEmpty(name)) addFaults(errors, at.child('name'), name, portNameFaults(name));
  else addFaults(errors, at.child('number'), number ?? 0, portNumberFaults(number ?? 0));
  return errors;
}

function validateObjectReference(of: core.TypedLocalObjectReference, path: FieldPath): Errors {
  const errors: Errors = [];
  if (of.apiGroup !== undefined) addFaults(errors, path.child('apiGroup'), of.apiGroup, dns1123SubdomainFaults(of.apiGroup));
  for (const field of ['kind', 'name'] as const) checkName(errors, path.child(field), of[field], pathSegmentNameFaults);
  return errors;
}

const MAX_CONTROLLER = 250;

export function validateIngressClass({ spec }: networking.IngressClass): readonly FieldError[] {
  const errors: Errors = [];
  const controller = spec?.controller ?? '';
  if (controller.length > MAX_CONTROLLER)
    errors.push({ type: 'FieldValueTooLong', field: 'spec.controller', detail: `may not be more than ${MAX_CONTROLLER} bytes` });
  errors.push(...domainPrefixedPathErrors(controller, SPEC.child('controller')));
  errors.push(...validateParameters(spec?.parameters));
  return errors;
}

function validateParameters(of: networking.IngressClassParametersReference | undefined): Errors {
  const errors: Errors = [];
  if (of === undefined) return errors;
  const path = SPEC.child('parameters');
  if (of.apiGroup !== undefined) addFaults(errors, path.child('apiGroup'), of.apiGroup, dns1123SubdomainFaults(of.apiGroup));
  for (const field of ['kind', 'name'] as const) {
    if (isEmpty(of[field])) errors.push(required(path.child(field), `${field} is required`));
    else addFaults(errors, path.child(field), of[field], pathSegmentNameFaults(of[field]));
  }
  if (of.scope === undefined) errors.push(required(path.child('scope')));
  else if (of.scope !== 'Cluster' && of.scope !== 'Namespace') errors.push(notSupported(path.child('scope'), of.scope, ['Cluster', 'Namespace']));
  if (of.scope === 'Namespace' && of.namespace !== undefined) addFaults(errors, path.child('namespace'), of.namespace, dns1123LabelFaults(of.namespace));
  else if (of.scope === 'Namespace') errors.push(required(path.child('namespace'), "`parameters.scope` is set to 'Namespace'"));
  if (of.scope === 'Cluster' && of.namespace !== undefined)
    errors.push({ type: 'FieldValueForbidden', field: path.child('namespace').toString(), detail: "`parameters.scope` is set to 'Cluster'" });
  return errors;
}

export function validateIngressClassUpdate(of: networking.IngressClass, old: networking.IngressClass): readonly FieldError[] {
  const errors = validateIngressClass(of);
  const { controller } = of.spec ?? {};
  return controller === old.spec?.controller ? errors : [invalid(SPEC.child('controller'), controller ?? '', IMMUTABLE), ...errors];
}
