import type { UserInfo } from '../../machinery/exchange.ts';
import { parseFieldSelector, requiredValue } from '../../machinery/fields.ts';
import { type GroupResource, formatGroupResource, StatusError } from '../../machinery/status-error.ts';
import type { AuthorizeAttributes, AuthorizeDecision } from '../stages.ts';
import type { Call } from './call.ts';
import type { Target } from './target.ts';

/** What a request asks for, in the words of authorization. */
export function resourceAttributes(call: Call, target: Target): AuthorizeAttributes {
  const { binding, namespace, name, subresource } = target;
  const { group, version, resource } = binding.kind;
  const verb = verbOf(call, target);
  const selects = verb === 'list' || verb === 'watch' || verb === 'deletecollection';
  return {
    user: call.user,
    verb,
    resourceRequest: true,
    group,
    version,
    resource,
    subresource,
    // Requests about a namespace count as requests in it.
    namespace: group === '' && resource === 'namespaces' ? name : namespace,
    // Selecting one by name counts as asking for that one.
    name: name === '' && (verb === 'list' || verb === 'watch') ? selectedName(call) : name,
    path: call.path,
    ...(selects ? { labelSelector: call.query.get('labelSelector'), fieldSelector: call.query.get('fieldSelector') } : {}),
  };
}

function selectedName(call: Call): string {
  const text = call.query.get('fieldSelector') ?? '';
  if (!text.includes('metadata.name')) return '';
  const parsed = parseFieldSelector(text);
  return 'fault' in parsed ? '' : (requiredValue(parsed, 'metadata.name') ?? '');
}

export function pathAttributes(user: UserInfo, method: string, path: string): AuthorizeAttributes {
  return {
    user,
    verb: method.toLowerCase(),
    resourceRequest: false,
    group: '',
    version: '',
    resource: '',
    subresource: '',
    namespace: '',
    name: '',
    path,
  };
}

function verbOf(call: Call, { name, watch }: Target): string {
  switch (call.method) {
    case 'GET':
    case 'HEAD':
      if (watch || (name === '' && call.query.flag('watch') === true)) return 'watch';
      return name === '' ? 'list' : 'get';
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return name === '' ? 'deletecollection' : 'delete';
    default:
      // No verb at all; whoever may do everything is told that there is no such method.
      return '';
  }
}

/** Authorization said no. Browsers are told not to guess at what it is: it names what the client named. */
export class NotAllowed extends StatusError {}

/** As upstream writes what a client has chosen. */
const inText = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** 403 in the words that kubectl and people know (apiserver `responsewriters.Forbidden`). */
export function refused(attributes: AuthorizeAttributes, { reason }: AuthorizeDecision): StatusError {
  const user = JSON.stringify(attributes.user.name);
  const because = reason === '' ? '' : `: ${reason}`;
  if (!attributes.resourceRequest) {
    const what = inText(`User ${user} cannot ${attributes.verb} path ${JSON.stringify(attributes.path)}`);
    return new NotAllowed('Forbidden', `forbidden: ${what}${because}`, { details: {} });
  }
  const { verb, group, resource, subresource, namespace, name } = attributes;
  const gr: GroupResource = { group, resource };
  const whole = subresource === '' ? resource : `${resource}/${subresource}`;
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`;
  const what = inText(`User ${user} cannot ${verb} resource ${JSON.stringify(whole)} in API group ${JSON.stringify(group)} ${where}`);
  const subject = name === '' ? formatGroupResource(gr) : `${formatGroupResource(gr)} ${JSON.stringify(name)}`;
  return new NotAllowed('Forbidden', `${subject} is forbidden: ${what}${because}`, {
    details: { ...(name === '' ? {} : { name }), ...(group === '' ? {} : { group }), kind: resource },
  });
}
