import { type FieldError, type FieldPath, invalid, notSupported, required } from '../../machinery/field-error.ts';
import {
  dns1035LabelFaults,
  dns1123LabelFaults,
  dns1123SubdomainFaults,
  pathSegmentNameFaults,
  portNameFaults,
  portNumberFaults,
  wildcardSubdomainFaults,
} from '../../machinery/names.ts';
import { addFaults, asJson, checkName, type Errors, IMMUTABLE, isEmpty, root } from '../checks.ts';
import { domainPrefixedPathErrors } from '../domain-prefixed-path.ts';
import type * as networking from '../gen/types/networking.v1.ts';
import { isIP } from '../ip.ts';

const SPEC = root('spec');
const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix'];
const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';

export function validateIngress(ingress: networking.Ingress): readonly FieldError[] {
  const errors: Errors = [...validateSpec(ingress)];
  const annotated = ingress.metadata?.annotations?.[CLASS_ANNOTATION];
  if (annotated !== undefined && ingress.spec?.ingressClassName !== undefined) {
    errors.unshift(invalid(root('metadata').child('annotations').child(CLASS_ANNOTATION), annotated, 'can not be set when the class field is also set'));
  }
  return errors;
}

/** An update may keep what earlier versions took. */
export const validateIngressUpdate = (ingress: networking.Ingress): readonly FieldError[] => validateSpec(ingress);

function validateSpec({ spec }: networking.Ingress): Errors {
  const errors: Errors = [];
  const rules = spec?.rules ?? [];
  if (rules.length === 0 && spec?.defaultBackend === undefined)
    errors.push(invalid(SPEC, asJson(rules), 'either `defaultBackend` or `rules` must be specified'));
  if (spec?.defaultBackend !== undefined) errors.push(...validateBackend(spec.defaultBackend, SPEC.child('defaultBackend')));
  for (const [i, rule] of rules.entries()) errors.push(...validateRule(rule, SPEC.child('rules').index(i)));
  for (const [i, tls] of (spec?.tls ?? []).entries()) {
    const at = SPEC.child('tls').index(i);
    for (const [j, host] of (tls.hosts ?? []).entries()) addFaults(errors, at.child('hosts').index(j), host, hostFaults(host));
    if (!isEmpty(tls.secretName)) addFaults(errors, at.child('secretName'), tls.secretName, dns1123SubdomainFaults(tls.secretName));
  }
  const name = spec?.ingressClassName;
  if (name !== undefined) addFaults(errors, SPEC.child('ingressClassName'), name, dns1123SubdomainFaults(name));
  return errors;
}

const hostFaults = (host: string): readonly string[] => (host.includes('*') ? wildcardSubdomainFaults(host) : dns1123SubdomainFaults(host));

function validateRule({ host, http }: networking.IngressRule, path: FieldPath): Errors {
  const errors: Errors = [];
  if (!isEmpty(host)) {
    if (isIP(host)) errors.push(invalid(path.child('host'), host, 'must be a DNS name, not an IP address'));
    else addFaults(errors, path.child('host'), host, hostFaults(host));
  }
  if (http === undefined) return errors;
  const at = path.child('http', 'paths');
  if ((http.paths ?? []).length === 0) errors.push(required(at));
  for (const [i, entry] of (http.paths ?? []).entries()) errors.push(...validatePath(entry, at.index(i)));
  return errors;
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
  if (resource !== undefined) {
    for (const field of ['kind', 'name'] as const) if (isEmpty(resource[field])) errors.push(required(path.child('resource', field)));
    return errors;
  }
  if (service === undefined) return [required(path, 'resource or service backend is required')];
  checkName(errors, path.child('service', 'name'), service.name, dns1035LabelFaults);
  const { name, number } = service.port ?? {};
  const at = path.child('service', 'port');
  if (isEmpty(name) && (number ?? 0) === 0) errors.push(required(path, 'port name or number is required'));
  else if (!isEmpty(name) && (number ?? 0) !== 0) errors.push(invalid(path, '', 'cannot set both port name & port number'));
  else if (!isEmpty(name)) addFaults(errors, at.child('name'), name, portNameFaults(name));
  else addFaults(errors, at.child('number'), number ?? 0, portNumberFaults(number ?? 0));
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
