import { type FieldPath, invalid, required } from '../../machinery/field-error.ts';
import { dns1123SubdomainFaults, underscoreSubdomainFaults } from '../../machinery/names.ts';
import { addFaults, type Errors, isEmpty } from '../checks.ts';
import type * as core from '../gen/types/core.v1.ts';
import { ipFaults } from '../ip.ts';

const MAX_SERVERS = 3;
const MAX_SEARCHES = 32;
const MAX_SEARCH_CHARACTERS = 2048;

export function validateDnsConfig(config: core.PodDNSConfig | undefined, policy: string | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  const servers = config?.nameservers ?? [];
  if (policy === 'None') {
    if (config === undefined) return [required(path, 'must provide `dnsConfig` when `dnsPolicy` is None')];
    if (servers.length === 0) return [required(path.child('nameservers'), 'must provide at least one DNS nameserver when `dnsPolicy` is None')];
  }
  if (config === undefined) return errors;
  if (servers.length > MAX_SERVERS) errors.push(invalid(path.child('nameservers'), [...servers], `must not have more than ${MAX_SERVERS} nameservers`));
  for (const [i, server] of servers.entries()) addFaults(errors, path.child('nameservers').index(i), server, ipFaults(server));
  const searches = config.searches ?? [];
  if (searches.length > MAX_SEARCHES) errors.push(invalid(path.child('searches'), [...searches], `must not have more than ${MAX_SEARCHES} search paths`));
  if (searches.join(' ').length > MAX_SEARCH_CHARACTERS)
    errors.push(
      invalid(path.child('searches'), [...searches], `must not have more than ${MAX_SEARCH_CHARACTERS} characters (including spaces) in the search list`),
    );
  for (const [i, search] of searches.entries()) {
    // A dot at the end, a dot alone and underscores are all in use.
    const plain = search.replace(/\.$/, '');
    if (search !== '.') addFaults(errors, path.child('searches').index(i), plain, underscoreSubdomainFaults(plain));
  }
  for (const [i, { name }] of (config.options ?? []).entries()) if (isEmpty(name)) errors.push(required(path.child('options').index(i), 'must not be empty'));
  return errors;
}

export function validateHostAliases(aliases: readonly core.HostAlias[] | undefined, path: FieldPath): Errors {
  const errors: Errors = [];
  for (const [i, { ip, hostnames }] of (aliases ?? []).entries()) {
    addFaults(errors, path.index(i).child('ip'), ip, ipFaults(ip));
    for (const [j, name] of (hostnames ?? []).entries()) addFaults(errors, path.index(i).child('hostnames').index(j), name, dns1123SubdomainFaults(name));
  }
  return errors;
}
