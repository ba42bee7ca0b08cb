import type { ConfigMap, Container as ContainerSpec, EnvVar, EphemeralContainer, Secret } from '../../api/gen/types/core.v1.ts';
import { getOwn } from '../../machinery/record.ts';
import { StartFailure } from '../pods/start-failure.ts';
import { type DownwardFacts, fieldValue, resourceValue } from './downward.ts';
import { expand } from './expansion.ts';

/** What variables may refer to. Undefined: there is none. Rejects where the API refuses. */
export interface EnvironmentSources {
  configMap(name: string): Promise<ConfigMap | undefined>;
  secret(name: string): Promise<Secret | undefined>;
}

/**
 * The variables of a container, in order: services, then envFrom, then env; a later one of the same name wins in its place. Throws
 * StartFailure CreateContainerConfigError.
 */
export async function environmentOf(
  container: ContainerSpec | EphemeralContainer,
  facts: DownwardFacts,
  services: readonly (readonly [name: string, value: string])[],
  sources: EnvironmentSources,
): Promise<ReadonlyMap<string, string>> {
  const variables = new Map<string, string>(services);
  for (const from of container.envFrom ?? []) {
    for (const [key, value] of await entriesOf(from, facts, sources)) variables.set(`${from.prefix ?? ''}${key}`, value);
  }
  for (const variable of container.env ?? []) {
    const value = await valueOf(variable, container, facts, sources, variables);
    if (value !== undefined) variables.set(variable.name, value);
  }
  return variables;
}

async function entriesOf(
  { configMapRef, secretRef }: NonNullable<ContainerSpec['envFrom']>[number],
  facts: DownwardFacts,
  sources: EnvironmentSources,
): Promise<readonly (readonly [string, string])[]> {
  const namespace = facts.pod.metadata?.namespace ?? '';
  if (configMapRef !== undefined) {
    const found = await sources.configMap(configMapRef.name ?? '');
    if (found === undefined && configMapRef.optional !== true) throw missing('configmap', configMapRef.name, namespace);
    return entries(found?.data);
  }
  if (secretRef !== undefined) {
    const found = await sources.secret(secretRef.name ?? '');
    if (found === undefined && secretRef.optional !== true) throw missing('secret', secretRef.name, namespace);
    return entries(found?.data).map(([key, value]) => [key, decode(value)] as const);
  }
  return [];
}

function entries(map: Readonly<Record<string, string>> | undefined): readonly (readonly [string, string])[] {
  return Object.keys(map ?? {})
    .sort()
    .map((key) => [key, getOwn(map, key) ?? ''] as const);
}

/** Undefined: an optional reference that leads nowhere, then the variable is not set. */
async function valueOf(
  variable: EnvVar,
  container: ContainerSpec | EphemeralContainer,
  facts: DownwardFacts,
  sources: EnvironmentSources,
  variables: ReadonlyMap<string, string>,
): Promise<string | undefined> {
  const { valueFrom } = variable;
  if (valueFrom === undefined) return expand(variable.value ?? '', (name) => variables.get(name));
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = valueFrom;
  if (fieldRef !== undefined) return fieldValue(facts, fieldRef) ?? refuse(`unsupported fieldPath: ${fieldRef.fieldPath}`);
  if (resourceFieldRef !== undefined)
    return resourceValue(facts, resourceFieldRef, container) ?? refuse(`unsupported container resource : ${resourceFieldRef.resource}`);
  const namespace = facts.pod.metadata?.namespace ?? '';
  if (configMapKeyRef !== undefined) {
    const { name = '', key, optional = false } = configMapKeyRef;
    const found = await sources.configMap(name);
    if (found === undefined && !optional) throw missing('configmap', name, namespace);
    return getOwn(found?.data, key) ?? (optional ? undefined : refuse(`couldn't find key ${key} in ConfigMap ${namespace}/${name}`));
  }
  if (secretKeyRef !== undefined) {
    const { name = '', key, optional = false } = secretKeyRef;
    const found = await sources.secret(name);
    if (found === undefined && !optional) throw missing('secret', name, namespace);
    const value = getOwn(found?.data, key);
    if (value === undefined) return optional ? undefined : refuse(`couldn't find key ${key} in Secret ${namespace}/${name}`);
    return decode(value);
  }
  return refuse(`environment variable ${JSON.stringify(variable.name)}: its source is not supported on this node`);
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString();
}

function missing(what: string, name: string | undefined, _namespace: string): StartFailure {
  return new StartFailure('CreateContainerConfigError', `${what} ${JSON.stringify(name ?? '')} not found`);
}

function refuse(message: string): never {
  throw new StartFailure('CreateContainerConfigError', message);
}
