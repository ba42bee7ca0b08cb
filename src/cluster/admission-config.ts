import { readFile } from 'node:fs/promises';
import type { PodSecurityOptions } from '../apiserver/admission/pod-security.ts';
import { isLevel, LEVELS, type LevelVersion, parseVersion } from '../apiserver/admission/pod-security/policy.ts';
import { duplicate, FieldPath, type FieldError, formatFieldError, invalid, notSupported, required } from '../machinery/field-error.ts';
import { dns1123LabelFaults, dns1123SubdomainFaults } from '../machinery/names.ts';
import type { Json, JsonObject } from '../machinery/object.ts';
import { parseYaml } from '../schema/yaml.ts';
import { type Shape, shapeFaults } from './config-shape.ts';

/** What `--admission-config` says: AdmissionConfiguration of apiserver.config.k8s.io/v1. Plugins that take no configuration here are refused by name. */
export interface AdmissionConfig {
  readonly podSecurity: PodSecurityOptions | undefined;
}

/** Throws one line that names the file and every field that is wrong. */
export async function readAdmissionConfig(file: string): Promise<AdmissionConfig> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new Error(`--admission-config ${file} can't be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  });
  const parsed = await parseYaml(text);
  if (parsed.fault !== undefined) throw new Error(`--admission-config ${file}: ${parsed.fault}`);
  const { config, errors } = admissionConfig(parsed.value);
  if (errors.length > 0) throw new Error(`--admission-config ${file}: ${errors.map(formatFieldError).join('; ')}`);
  return config;
}

const SHAPE: Shape = {
  fields: { apiVersion: 'text', kind: 'text', plugins: { listOf: { fields: { name: 'text', path: 'text', configuration: 'any' } } } },
};
const TEXTS: Shape = { listOf: 'text' };
const POD_SECURITY: Shape = {
  fields: {
    apiVersion: 'text',
    kind: 'text',
    defaults: {
      fields: { enforce: 'text', 'enforce-version': 'text', audit: 'text', 'audit-version': 'text', warn: 'text', 'warn-version': 'text' },
    },
    exemptions: { fields: { usernames: TEXTS, namespaces: TEXTS, runtimeClasses: TEXTS } },
  },
};

const CONFIGURED = ['PodSecurity'];

/** `config` counts only when `errors` is empty. */
export function admissionConfig(given: Json): { readonly config: AdmissionConfig; readonly errors: readonly FieldError[] } {
  const config = objectOf(given);
  const errors = [...shapeFaults(config, SHAPE)];
  if (config['kind'] !== 'AdmissionConfiguration') errors.push(invalid(new FieldPath('kind'), config['kind'], 'must be AdmissionConfiguration'));
  if (config['apiVersion'] !== 'apiserver.config.k8s.io/v1')
    errors.push(invalid(new FieldPath('apiVersion'), config['apiVersion'], 'must be apiserver.config.k8s.io/v1'));
  let podSecurity: PodSecurityOptions | undefined;
  for (const [index, each] of listOf(config['plugins']).entries()) {
    const path = new FieldPath('plugins').index(index);
    const { name, configuration, path: file } = objectOf(each);
    if (typeof name !== 'string' || !CONFIGURED.includes(name)) errors.push(notSupported(path.child('name'), name ?? '', CONFIGURED));
    else if (file !== undefined && file !== '') errors.push(invalid(path.child('path'), file, 'is not supported here: write it as configuration'));
    else if (configuration === undefined) errors.push(required(path.child('configuration')));
    else if (shapeFaults(configuration, POD_SECURITY).length > 0) errors.push(...shapeFaults(configuration, POD_SECURITY, path.child('configuration')));
    else podSecurity = podSecurityOptions(objectOf(configuration), path.child('configuration'), errors);
  }
  return { config: { podSecurity }, errors };
}

const GROUP_VERSION = 'pod-security.admission.config.k8s.io/v1';

function podSecurityOptions(config: JsonObject, path: FieldPath, errors: FieldError[]): PodSecurityOptions {
  if (config['kind'] !== 'PodSecurityConfiguration') errors.push(invalid(path.child('kind'), config['kind'], 'must be PodSecurityConfiguration'));
  if (config['apiVersion'] !== GROUP_VERSION) errors.push(invalid(path.child('apiVersion'), config['apiVersion'], `must be ${GROUP_VERSION}`));
  const defaults = objectOf(config['defaults']);
  const exemptions = objectOf(config['exemptions']);
  const levelOf = (mode: string): LevelVersion => readLevel(defaults, mode, path.child('defaults'), errors);
  const names = (field: string, faults: (name: string) => readonly string[]): readonly string[] => {
    const at = path.child('exemptions', field);
    const list = listOf(exemptions[field]).map(String);
    for (const [index, name] of list.entries()) {
      for (const fault of faults(name)) errors.push(invalid(at.index(index), name, fault));
      if (list.indexOf(name) < index) errors.push(duplicate(at.index(index), name));
    }
    return list;
  };
  return {
    defaults: { enforce: levelOf('enforce'), audit: levelOf('audit'), warn: levelOf('warn') },
    exempt: {
      namespaces: names('namespaces', dns1123LabelFaults),
      runtimeClasses: names('runtimeClasses', dns1123SubdomainFaults),
      users: names('usernames', (name) => (name === '' ? ['username must not be empty'] : [])),
    },
  };
}

function readLevel(defaults: JsonObject, mode: string, path: FieldPath, errors: FieldError[]): LevelVersion {
  const level = defaults[mode] ?? 'privileged';
  const version = defaults[`${mode}-version`] ?? 'latest';
  const parsed = typeof version === 'string' ? parseVersion(version) : undefined;
  if (parsed === undefined) errors.push(invalid(path.child(`${mode}-version`), version, 'must be "latest" or "v1.x"'));
  if (typeof level === 'string' && isLevel(level)) return { level, minor: parsed?.minor };
  errors.push(invalid(path.child(mode), level, `must be one of ${LEVELS.join(', ')}`));
  return { level: 'restricted', minor: undefined };
}

const listOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);
const objectOf = (value: Json | undefined): JsonObject => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {});
