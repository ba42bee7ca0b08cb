import { RESOURCES } from '../api/gen/kinds.ts';
import { apiServices, customResourceDefinitions } from '../api/gen/resources.ts';
import type { Resource } from '../api/resource.ts';
import type { Client } from '../client/client.ts';
import type { Component, ComponentOptions } from '../client/component.ts';
import { source, startController } from '../client/controller.ts';
import type { JsonObject } from '../machinery/object.ts';

/** The kinds that the server serves now, built-in or defined by users. One version of each. */
export interface KindSource {
  /** Namespaced, listable and deletable. */
  namespaced(): readonly Resource[];
  /** All that can own or be owned. */
  all(): readonly Resource[];
  /** Asks the server again. Answers what could not be asked: a sentence for each group and version; kinds of those stay as they were. */
  refresh(): Promise<readonly string[]>;
  /** Calls back after kinds came or went. */
  onChange(changed: () => void): Disposable;
}

const DELETABLE = ['list', 'watch', 'delete', 'deletecollection'];

/** The built-in kinds that 1.36 serves by default. The two groups of Events are one store: the core one stands for both. */
export function builtinResources(): readonly Resource[] {
  const seen = new Set<string>();
  const resources: Resource[] = [];
  for (const row of RESOURCES) {
    const key = `${row.group}/${row.resource}`;
    if (!row.servedByDefault || seen.has(key) || row.group === 'events.k8s.io' || !DELETABLE.every((verb) => row.verbs.includes(verb))) continue;
    seen.add(key);
    const { group, version, resource, kind, namespaced } = row;
    resources.push({ group, version, resource, kind, namespaced });
  }
  return resources;
}

/** By discovery; what 1.36 serves by default until the first answer. */
export class ServedKinds implements KindSource {
  readonly #client: Client;
  readonly #listeners = new Set<() => void>();
  #resources = builtinResources();

  constructor(client: Client) {
    this.#client = client;
  }

  all(): readonly Resource[] {
    return this.#resources;
  }
  namespaced(): readonly Resource[] {
    return this.#resources.filter(({ namespaced }) => namespaced);
  }

  onChange(changed: () => void): Disposable {
    this.#listeners.add(changed);
    return { [Symbol.dispose]: () => void this.#listeners.delete(changed) };
  }

  async refresh(): Promise<readonly string[]> {
    const { resources, failures } = await discover(this.#client);
    // A version that does not answer says nothing about its kinds: they stay, in that version.
    const kept = this.#resources.filter(({ group, version }) => failures.has(group === '' ? version : `${group}/${version}`));
    const names = new Set(kept.map(pluralOf));
    const next = [...resources.filter((each) => !names.has(pluralOf(each))), ...kept];
    const before = new Set(this.#resources.map(keyOf));
    const changed = next.length !== before.size || next.some((resource) => !before.has(keyOf(resource)));
    if (changed) {
      this.#resources = next;
      for (const listener of [...this.#listeners]) listener();
    }
    return [...failures].map(([groupVersion, why]) => `${groupVersion}: ${why}`);
  }
}

const AGAIN_MS = 30_000;

/** Asks again whenever a definition or an aggregated API changes, and while some of them can't be asked. */
export function startKindWatch(options: ComponentOptions, kinds: KindSource): Component {
  const { informers } = options;
  return startController(options, {
    name: 'served-kinds',
    sources: [
      source(informers.of(customResourceDefinitions), () => ['served']),
      source(informers.of(apiServices), () => ['served']),
      {
        whenSynced: () => Promise.resolve(),
        subscribe: (enqueue) => {
          enqueue('served');
          return { [Symbol.dispose]: () => {} };
        },
      },
    ],
    reconcile: async () => ((await kinds.refresh()).length > 0 ? { afterMs: AGAIN_MS } : undefined),
  });
}

interface Discovered {
  readonly resources: readonly Resource[];
  /** By group and version. */
  readonly failures: ReadonlyMap<string, string>;
}

/** Of each group the versions in the server's order, the preferred one first: a resource is taken from the first that has it. */
async function discover(client: Client): Promise<Discovered> {
  const failures = new Map<string, string>();
  const found = new Map<string, Resource>();
  const groups = listOf(await client.raw('GET', '/apis'), 'groups');
  const versions = groups.flatMap((group) => {
    const all = listOf(group, 'versions').map((each) => textOf(each, 'groupVersion'));
    const preferred = textOf(objectOf(group['preferredVersion']), 'groupVersion');
    return [...new Set([preferred, ...all])];
  });
  const ask = async (groupVersion: string): Promise<readonly Resource[]> => {
    try {
      return readResources(groupVersion, await client.raw('GET', groupVersion === 'v1' ? '/api/v1' : `/apis/${groupVersion}`));
    } catch (thrown) {
      failures.set(groupVersion, thrown instanceof Error ? thrown.message : String(thrown));
      return [];
    }
  };
  for (const resources of await Promise.all(['v1', ...versions].map(ask)))
    for (const resource of resources) if (!found.has(pluralOf(resource))) found.set(pluralOf(resource), resource);
  return { resources: [...found.values()], failures };
}

function readResources(groupVersion: string, list: JsonObject): readonly Resource[] {
  const [first = '', second] = groupVersion.split('/');
  const [group, version] = second === undefined ? ['', first] : [first, second];
  if (group === 'events.k8s.io') return [];
  return listOf(list, 'resources').flatMap((row) => {
    const verbs = Array.isArray(row['verbs']) ? row['verbs'] : [];
    const resource = textOf(row, 'name');
    if (resource.includes('/') || !DELETABLE.every((verb) => verbs.includes(verb))) return [];
    return [{ group, version, resource, kind: textOf(row, 'kind'), namespaced: row['namespaced'] === true }];
  });
}

function listOf(object: JsonObject, name: string): readonly JsonObject[] {
  const value = object[name];
  return Array.isArray(value) ? value.map(objectOf) : [];
}

function objectOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

function textOf(object: JsonObject, name: string): string {
  const value = object[name];
  return typeof value === 'string' ? value : '';
}

function pluralOf({ group, resource }: Resource): string {
  return `${group}/${resource}`;
}

/** What makes a kind another one for those who follow it. */
export function keyOf({ group, version, resource, kind, namespaced }: Resource): string {
  return `${group}/${version}/${resource} ${kind} ${namespaced}`;
}
