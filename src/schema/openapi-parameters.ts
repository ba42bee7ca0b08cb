import type { DraftObject } from '../machinery/object.ts';
import type { Flavour } from './openapi-definitions.ts';

export type ParameterType = 'string' | 'integer' | 'boolean';

/** A parameter of the query or the path, before it is put into one of the two forms. */
export interface Parameter {
  readonly name: string;
  readonly in: 'query' | 'path';
  readonly type: ParameterType;
  readonly description: string;
}

const of = (name: string, type: ParameterType, description: string): Parameter => ({ name, in: 'query', type, description });

export const PRETTY = of('pretty', 'string', 'Whether the answer is indented. By default it is for browsers, curl and wget.');

const DRY_RUN = of('dryRun', 'string', 'With "All" the request goes through every stage and nothing is stored.');
const FIELD_MANAGER = of(
  'fieldManager',
  'string',
  'The name in metadata.managedFields of who makes the change, at most 128 printable characters; an apply must have one.',
);
const FIELD_VALIDATION = of('fieldValidation', 'string', 'What becomes of unknown and duplicate fields: "Ignore", "Warn" (the default) or "Strict".');
const FORCE = of('force', 'boolean', 'An apply takes over fields that others manage. Not for other patches.');

const ALLOW_WATCH_BOOKMARKS = of('allowWatchBookmarks', 'boolean', 'A watch may send events of type BOOKMARK, which say how far it has come.');
const CONTINUE = of('continue', 'string', 'From metadata.continue of the page before: the list goes on after it.');
const FIELD_SELECTOR = of('fieldSelector', 'string', 'Only objects whose fields have these values, such as metadata.name=a,spec.nodeName!=b.');
const LABEL_SELECTOR = of('labelSelector', 'string', 'Only objects whose labels meet these requirements, such as app=web,tier in (a,b),!canary.');
const LIMIT = of('limit', 'integer', 'At most so many objects in a page; metadata.continue leads to the next.');
const RESOURCE_VERSION = of('resourceVersion', 'string', 'The version that a list is at, or that a watch goes on after.');
const RESOURCE_VERSION_MATCH = of('resourceVersionMatch', 'string', 'How a list takes resourceVersion: "Exact" or "NotOlderThan".');
const SEND_INITIAL_EVENTS = of('sendInitialEvents', 'boolean', 'A watch begins with an ADDED event for every object that is there, and a bookmark after them.');
const TIMEOUT_SECONDS = of('timeoutSeconds', 'integer', 'After so many seconds a list fails or a watch ends.');
const WATCH = of('watch', 'boolean', 'The answer is a stream of changes instead of a list.');

const GRACE_PERIOD_SECONDS = of('gracePeriodSeconds', 'integer', 'So many seconds until the object is gone; 0: at once.');
const IGNORE_STORE_READ_ERROR = of(
  'ignoreStoreReadErrorWithClusterBreakingPotential',
  'boolean',
  'An object that cannot be read is deleted all the same, past finalizers and preconditions.',
);
const ORPHAN_DEPENDENTS = of('orphanDependents', 'boolean', 'Deprecated: use propagationPolicy. What the object owns stays.');
const PROPAGATION_POLICY = of('propagationPolicy', 'string', 'What becomes of the objects that it owns: "Orphan", "Background" or "Foreground".');

export const WRITE_PARAMETERS: readonly Parameter[] = [DRY_RUN, FIELD_MANAGER, FIELD_VALIDATION];
export const PATCH_PARAMETERS: readonly Parameter[] = [...WRITE_PARAMETERS, FORCE];
const SELECTION = [CONTINUE, FIELD_SELECTOR, LABEL_SELECTOR, LIMIT, RESOURCE_VERSION, RESOURCE_VERSION_MATCH, SEND_INITIAL_EVENTS, TIMEOUT_SECONDS];
export const LIST_PARAMETERS: readonly Parameter[] = [ALLOW_WATCH_BOOKMARKS, ...SELECTION, WATCH];
export const DELETE_PARAMETERS: readonly Parameter[] = [DRY_RUN, GRACE_PERIOD_SECONDS, IGNORE_STORE_READ_ERROR, ORPHAN_DEPENDENTS, PROPAGATION_POLICY];
export const DELETE_COLLECTION_PARAMETERS: readonly Parameter[] = [...DELETE_PARAMETERS, ...SELECTION];

const CONTAINER = of('container', 'string', 'Which container; may be left out where the pod has one.');
const STREAMS = [
  of('stderr', 'boolean', 'Whether standard error is wanted.'),
  of('stdin', 'boolean', 'Whether standard input is sent.'),
  of('stdout', 'boolean', 'Whether standard output is wanted.'),
  of('tty', 'boolean', 'Whether the process has a terminal.'),
];
const PROXIED = [of('path', 'string', 'The path asked for behind the proxy.')];

/** Of subresources that are asked for in their own way, by the kind of their options (`core/v1 PodLogOptions` and the like). */
export const OPTIONS_PARAMETERS: Readonly<Record<string, readonly Parameter[]>> = {
  PodAttachOptions: [CONTAINER, ...STREAMS],
  PodExecOptions: [of('command', 'string', 'The program, and each argument in a parameter of its own.'), CONTAINER, ...STREAMS],
  PodPortForwardOptions: [of('ports', 'integer', 'The ports; only for WebSocket connections.')],
  PodProxyOptions: PROXIED,
  ServiceProxyOptions: PROXIED,
  NodeProxyOptions: PROXIED,
  PodLogOptions: [
    CONTAINER,
    of('follow', 'boolean', 'Whether the answer goes on as the log grows.'),
    of('insecureSkipTLSVerifyBackend', 'boolean', 'Whether the certificate of the node goes unchecked.'),
    of('limitBytes', 'integer', 'At most so many bytes.'),
    of('previous', 'boolean', 'The log of the container that ran before this one.'),
    of('sinceSeconds', 'integer', 'Only what was written in the last so many seconds.'),
    of('stream', 'string', 'Which output: "All", "Stdout" or "Stderr".'),
    of('tailLines', 'integer', 'Only so many lines of the end.'),
    of('timestamps', 'boolean', 'Whether each line begins with its time (RFC 3339).'),
  ],
};

export const pathParameter = (name: string, description: string): Parameter => ({ name, in: 'path', type: 'string', description });

export function parameterJson(flavour: Flavour, { name, in: place, type, description }: Parameter): DraftObject {
  const head = { name, in: place, description, ...(place === 'path' ? { required: true } : {}) };
  return flavour === 2 ? { ...head, type, uniqueItems: true } : { ...head, schema: { type, uniqueItems: true } };
}

export const byName = (a: Parameter, b: Parameter): number => (a.name < b.name ? -1 : 1);
