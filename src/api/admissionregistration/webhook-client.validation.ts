import { type FieldPath, invalid, required } from '../../machinery/field-error.ts';
import { dns1123SubdomainFaults, portNumberFaults } from '../../machinery/names.ts';
import { type Errors, isEmpty } from '../checks.ts';
import type * as v1 from '../gen/types/admissionregistration.v1.ts';

/** Where a webhook is called: a URL or a service, never both. */
export function webhookClientErrors(config: v1.WebhookClientConfig | undefined, path: FieldPath): Errors {
  const { url, service } = config ?? {};
  if ((url === undefined) === (service === undefined)) return [required(path, 'exactly one of url or service is required')];
  return url === undefined ? serviceErrors(service, path.child('service')) : urlErrors(url, path.child('url'));
}

function serviceErrors(service: v1.ServiceReference | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  for (const field of ['name', 'namespace'] as const) if (isEmpty(service?.[field])) errors.push(required(path.child(field), `service ${field} is required`));
  const port = service?.port ?? 0;
  for (const fault of portNumberFaults(port)) errors.push(invalid(path.child('port'), port, `port is not valid: ${fault}`));
  return [...errors, ...servicePathErrors(service?.path ?? '', path.child('path'))];
}

/** Names of subdomains between slashes. */
function servicePathErrors(text: string, path: FieldPath): Errors {
  if (text === '' || text === '/') return [];
  if (text === '//') return [invalid(path, text, 'segment[0] may not be empty')];
  const errors: Errors = text.startsWith('/') ? [] : [invalid(path, text, "must start with a '/'")];
  for (const [i, segment] of text.slice(1).replace(/\/$/, '').split('/').entries()) {
    if (segment === '') errors.push(invalid(path, text, `segment[${i}] may not be empty`));
    else for (const fault of dns1123SubdomainFaults(segment)) errors.push(invalid(path, text, `segment[${i}]: ${fault}`));
  }
  return errors;
}

const FORM = '; desired format: https://host[/path]';
/** RFC 3986, appendix B. */
const PARTS = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?:\/\/([^/?#]*))?[^?#]*(?:\?([^#]*))?(?:#(.*))?$/s;

function urlErrors(text: string, path: FieldPath): Errors {
  const [, scheme = '', authority = '', query = '', fragment = ''] = PARTS.exec(text) ?? [];
  const at = authority.lastIndexOf('@');
  const errors: Errors = [];
  if (scheme.toLowerCase() !== 'https') errors.push(invalid(path, scheme.toLowerCase(), `'https' is the only allowed URL scheme${FORM}`));
  if (authority.slice(at + 1) === '') errors.push(invalid(path, '', `host must be specified${FORM}`));
  if (at >= 0) errors.push(invalid(path, authority.slice(0, at), 'user information is not permitted in the URL'));
  if (fragment !== '') errors.push(invalid(path, fragment, 'fragments are not permitted in the URL'));
  if (query !== '') errors.push(invalid(path, query, 'query parameters are not permitted in the URL'));
  return errors;
}
