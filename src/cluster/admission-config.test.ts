import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatFieldError } from '../machinery/field-error.ts';
import type { Json } from '../machinery/object.ts';
import { admissionConfig, readAdmissionConfig } from './admission-config.ts';

const config = (...plugins: Json[]): Json => ({ apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AdmissionConfiguration', plugins });
const podSecurity = (more: object): Json =>
  config({ name: 'PodSecurity', configuration: { apiVersion: 'pod-security.admission.config.k8s.io/v1', kind: 'PodSecurityConfiguration', ...more } });

describe('an AdmissionConfiguration', () => {
  it('gives PodSecurity its defaults and exemptions', () => {
    const { config: read, errors } = admissionConfig(
      podSecurity({
        defaults: { enforce: 'baseline', 'enforce-version': 'v1.33', warn: 'restricted' },
        exemptions: { usernames: ['ann'], runtimeClasses: ['kata'], namespaces: ['kube-system'] },
      }),
    );
    assert.deepEqual(errors, []);
    assert.deepEqual(read.podSecurity, {
      defaults: {
        enforce: { level: 'baseline', minor: 33 },
        audit: { level: 'privileged', minor: undefined },
        warn: { level: 'restricted', minor: undefined },
      },
      exempt: { users: ['ann'], runtimeClasses: ['kata'], namespaces: ['kube-system'] },
    });
  });

  const at = 'plugins[0].configuration';
  const rows: readonly (readonly [what: string, config: Json, errors: readonly string[]])[] = [
    ['nothing to say', config(), []],
    [
      'another kind',
      { kind: 'Pod' },
      ['kind: Invalid value: "Pod": must be AdmissionConfiguration', 'apiVersion: Invalid value: null: must be apiserver.config.k8s.io/v1'],
    ],
    [
      'a plugin that takes none',
      config({ name: 'EventRateLimit', configuration: {} }),
      ['plugins[0].name: Unsupported value: "EventRateLimit": supported values: "PodSecurity"'],
    ],
    [
      'another file',
      config({ name: 'PodSecurity', path: 'x.yaml' }),
      ['plugins[0].path: Invalid value: "x.yaml": is not supported here: write it as configuration'],
    ],
    [
      'a level that is none',
      podSecurity({ defaults: { enforce: 'strict', 'audit-version': '1.2' } }),
      [
        `${at}.defaults.enforce: Invalid value: "strict": must be one of privileged, baseline, restricted`,
        `${at}.defaults.audit-version: Invalid value: "1.2": must be "latest" or "v1.x"`,
      ],
    ],
    [
      'fields that nobody knows, and values of another type',
      podSecurity({ default: {}, defaults: { enforced: 'baseline' }, exemptions: { namespaces: 'kube-system' } }),
      [
        `${at}.default: Invalid value: "default": unknown field "default"`,
        `${at}.defaults.enforced: Invalid value: "enforced": unknown field "enforced"`,
        `${at}.exemptions.namespaces: Invalid value: "kube-system": must be a list`,
      ],
    ],
    [
      'a list of plugins under another name',
      { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AdmissionConfiguration', plugin: [] },
      ['plugin: Invalid value: "plugin": unknown field "plugin"'],
    ],
    [
      'names that are none',
      podSecurity({ exemptions: { usernames: [''], namespaces: ['a', 'a'] } }),
      [`${at}.exemptions.namespaces[1]: Duplicate value: "a"`, `${at}.exemptions.usernames[0]: Invalid value: "": username must not be empty`],
    ],
  ];
  for (const [what, given, errors] of rows) it(what, () => assert.deepEqual(admissionConfig(given).errors.map(formatFieldError), errors));

  it('a file that is missing is named', async () =>
    assert.rejects(readAdmissionConfig('/nowhere/admission.yaml'), /^Error: --admission-config \/nowhere\/admission\.yaml can't be read/));
});
