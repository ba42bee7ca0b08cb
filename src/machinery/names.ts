/**
 * Checks of names and keys. Each returns the faults in Kubernetes' words (apimachinery `validation`), empty when there are none.
 * Clients and outside suites match these texts.
 */
const LABEL_1123 = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN_1123 = `${LABEL_1123}(\\.${LABEL_1123})*`;
const UNDERSCORE_LABEL = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const UNDERSCORE_SUBDOMAIN = `${UNDERSCORE_LABEL}(\\.${UNDERSCORE_LABEL})*`;
const LABEL_1035 = '[a-z]([-a-z0-9]*[a-z0-9])?';
const QUALIFIED = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const LABEL_VALUE = `(${QUALIFIED})?`;
const WILDCARD_SUBDOMAIN = `\\*\\.${SUBDOMAIN_1123}`;
const ENV_NAME = '[-._a-zA-Z][-._a-zA-Z0-9]*';
const CONFIG_KEY = '[-._a-zA-Z0-9]+';
const C_IDENTIFIER = '[A-Za-z_][A-Za-z0-9_]*';
const HTTP_HEADER = '[-A-Za-z0-9]+';
const PERCENT = '[0-9]+%';

/** Checked by plain characters, in linear time, before a pattern is asked: names come from users. */
const whole = (pattern: string): RegExp => new RegExp(`^${pattern}$`);
const LABEL_1123_RE = whole(LABEL_1123);
const SUBDOMAIN_1123_RE = whole(SUBDOMAIN_1123);
const CASELESS_SUBDOMAIN_RE = new RegExp(SUBDOMAIN_1123_RE.source, 'i');
const UNDERSCORE_SUBDOMAIN_RE = whole(UNDERSCORE_SUBDOMAIN);
const LABEL_1035_RE = whole(LABEL_1035);
const QUALIFIED_RE = whole(QUALIFIED);
const WILDCARD_SUBDOMAIN_RE = whole(WILDCARD_SUBDOMAIN);
const ENV_NAME_RE = whole(ENV_NAME);
const CONFIG_KEY_RE = whole(CONFIG_KEY);
const C_IDENTIFIER_RE = whole(C_IDENTIFIER);
const HTTP_HEADER_RE = whole(HTTP_HEADER);
const PERCENT_RE = whole(PERCENT);
const PRINTABLE_RE = /^[ -<>-~]+$/;

const NONE: readonly string[] = [];

export const EMPTY_FAULT = 'must be non-empty';
export const maxLengthFault = (length: number): string => `must be no more than ${length} bytes`;
export const rangeFault = (low: number, high: number): string => `must be between ${low} and ${high}, inclusive`;

/** Two blanks before every further example: as the original prints it. */
function patternFault(message: string, pattern: string, ...examples: readonly string[]): string {
  if (examples.length === 0) return `${message} (regex used for validation is '${pattern}')`;
  return `${message} (e.g. ${examples.map((e) => `'${e}', `).join(' or ')}regex used for validation is '${pattern}')`;
}

const LABEL_1123_FAULT = patternFault(
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
  LABEL_1123,
  'my-name',
  '123-abc',
);
const SUBDOMAIN_1123_FAULT = patternFault(
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  SUBDOMAIN_1123,
  'example.com',
);
const CASELESS_SUBDOMAIN_FAULT = patternFault(
  "an RFC 1123 subdomain must consist of alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  SUBDOMAIN_1123,
  'Example.com',
);
const UNDERSCORE_SUBDOMAIN_FAULT = patternFault(
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
  UNDERSCORE_SUBDOMAIN,
  'example.com',
);
const LABEL_1035_FAULT = patternFault(
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
  LABEL_1035,
  'my-name',
  'abc-123',
);
const QUALIFIED_FAULT = patternFault(
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  QUALIFIED,
  'MyName',
  'my.name',
  '123-abc',
);
const LABEL_VALUE_FAULT = patternFault(
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  LABEL_VALUE,
  'MyValue',
  'my_value',
  '12345',
);
const WILDCARD_FAULT = patternFault(
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
  WILDCARD_SUBDOMAIN,
  '*.example.com',
);
const ENV_NAME_FAULT = patternFault(
  "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit",
  ENV_NAME,
  'my.env-name',
  'MY_ENV.NAME',
  'MyEnvName1',
);
const CONFIG_KEY_FAULT = patternFault(
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
  CONFIG_KEY,
  'key.name',
  'KEY_NAME',
  'key-name',
);
const C_IDENTIFIER_FAULT = patternFault(
  "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
  C_IDENTIFIER,
  'my_name',
  'MY_NAME',
  'MyName',
);
const HTTP_HEADER_FAULT = patternFault("a valid HTTP header must consist of alphanumeric characters or '-'", HTTP_HEADER, 'X-Header-Name');
const PERCENT_FAULT = patternFault("a valid percent string must be a numeric string followed by an ending '%'", PERCENT, '1%', '93%');

/** Longer texts are never matched against a pattern: the length fault already stands, and hostile ones stay cheap. */
function check(value: string, max: number, pattern: RegExp, fault: string): readonly string[] {
  if (value.length <= max) return pattern.test(value) ? NONE : [fault];
  return value.length <= max * 8 && pattern.test(value) ? [maxLengthFault(max)] : [maxLengthFault(max), fault];
}

/** At most 63 characters of a-z, 0-9 and '-'. */
export function dns1123LabelFaults(value: string): readonly string[] {
  const faults = check(value, 63, LABEL_1123_RE, LABEL_1123_FAULT);
  if (!faults.includes(LABEL_1123_FAULT) || value.length > 63 * 8 || !SUBDOMAIN_1123_RE.test(value)) return faults;
  // Labels joined by dots: nothing else is wrong with it.
  return faults.map((fault) => (fault === LABEL_1123_FAULT ? 'must not contain dots' : fault));
}

/** At most 253 characters: labels joined by dots. The usual object name. */
export function dns1123SubdomainFaults(value: string): readonly string[] {
  return check(value, 253, SUBDOMAIN_1123_RE, SUBDOMAIN_1123_FAULT);
}

/** As above, in capitals too: names of drivers, by the newer rules. */
export function caselessSubdomainFaults(value: string): readonly string[] {
  return check(value, 253, CASELESS_SUBDOMAIN_RE, CASELESS_SUBDOMAIN_FAULT);
}

/** As `dns1123SubdomainFaults`, where a label may also start with an underscore and have more within: `_sip._tcp.example.com`. */
export function underscoreSubdomainFaults(value: string): readonly string[] {
  return check(value, 253, UNDERSCORE_SUBDOMAIN_RE, UNDERSCORE_SUBDOMAIN_FAULT);
}

/** A label that starts with a letter: names of Services. */
export function dns1035LabelFaults(value: string): readonly string[] {
  return check(value, 63, LABEL_1035_RE, LABEL_1035_FAULT);
}

export function wildcardSubdomainFaults(value: string): readonly string[] {
  return check(value, 253, WILDCARD_SUBDOMAIN_RE, WILDCARD_FAULT);
}

/** A key of a label, an annotation, a taint, a resource: `name` or `prefix/name`. */
export function qualifiedNameFaults(value: string): readonly string[] {
  const slash = value.indexOf('/');
  if (slash !== value.lastIndexOf('/')) {
    return [`a qualified name ${QUALIFIED_FAULT} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  const name = value.slice(slash + 1);
  if (slash < 0 && name.length > 0 && name.length <= 63 && QUALIFIED_RE.test(name)) return NONE;
  const faults: string[] = [];
  if (slash === 0) faults.push(`prefix part ${EMPTY_FAULT}`);
  if (slash > 0) for (const fault of dns1123SubdomainFaults(value.slice(0, slash))) faults.push(`prefix part ${fault}`);
  if (name === '') faults.push(`name part ${EMPTY_FAULT}`);
  if (name.length > 63) faults.push(`name part ${maxLengthFault(63)}`);
  if (name.length > 512 || !QUALIFIED_RE.test(name)) faults.push(`name part ${QUALIFIED_FAULT}`);
  return faults;
}

export function labelValueFaults(value: string): readonly string[] {
  if (value === '') return NONE;
  return check(value, 63, QUALIFIED_RE, LABEL_VALUE_FAULT);
}

/** A key of a ConfigMap's or a Secret's data. */
export function configMapKeyFaults(value: string): readonly string[] {
  const faults = [...check(value, 253, CONFIG_KEY_RE, CONFIG_KEY_FAULT)];
  if (value === '.') faults.push("must not be '.'");
  else if (value === '..') faults.push("must not be '..'");
  else if (value.startsWith('..')) faults.push("must not start with '..'");
  return faults;
}

/** The strict rule; `relaxedEnvVarNameFaults` is the one that pods are held to since 1.34. */
export function envVarNameFaults(value: string): readonly string[] {
  const faults = [...check(value, 4096, ENV_NAME_RE, ENV_NAME_FAULT)];
  if (value === '.') faults.push("must not be '.'");
  else if (value === '..') faults.push("must not be '..'");
  else if (value.startsWith('..')) faults.push("must not start with '..'");
  return faults;
}

export function relaxedEnvVarNameFaults(value: string): readonly string[] {
  if (value === '') return [`environment variable name ${EMPTY_FAULT}`];
  return PRINTABLE_RE.test(value) ? NONE : ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

export function cIdentifierFaults(value: string): readonly string[] {
  return C_IDENTIFIER_RE.test(value) ? NONE : [C_IDENTIFIER_FAULT];
}

export function httpHeaderNameFaults(value: string): readonly string[] {
  return HTTP_HEADER_RE.test(value) ? NONE : [HTTP_HEADER_FAULT];
}

export function percentFaults(value: string): readonly string[] {
  return PERCENT_RE.test(value) ? NONE : [PERCENT_FAULT];
}

export function portNumberFaults(value: number): readonly string[] {
  return value >= 1 && value <= 65535 ? NONE : [rangeFault(1, 65535)];
}

/** IANA_SVC_NAME, in lower case. */
export function portNameFaults(value: string): readonly string[] {
  const faults: string[] = [];
  if (value.length > 15) faults.push(maxLengthFault(15));
  if (!/^[-a-z0-9]+$/.test(value)) faults.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(value)) faults.push('must contain at least one letter (a-z)');
  if (value.includes('--')) faults.push('must not contain consecutive hyphens');
  if (value.startsWith('-') || value.endsWith('-')) faults.push('must not begin or end with a hyphen');
  return faults;
}

/** Names that become a segment of a path and have no other rule (RBAC). */
export function pathSegmentNameFaults(value: string): readonly string[] {
  if (value === '.' || value === '..') return [`may not be '${value}'`];
  const faults: string[] = [];
  for (const banned of ['/', '%']) if (value.includes(banned)) faults.push(`may not contain '${banned}'`);
  return faults;
}

/** A generateName is checked as a name of which a suffix will follow: a trailing dash is allowed. */
export function maskTrailingDash(prefix: string): string {
  return prefix.length > 1 && prefix.endsWith('-') ? `${prefix.slice(0, -2)}a` : prefix;
}
