import { type FieldError, invalid, required } from '../../machinery/field-error.ts';
import { dns1123SubdomainFaults, qualifiedNameFaults } from '../../machinery/names.ts';
import { addFaults, asJson, type Errors, IMMUTABLE, isEmpty, root } from '../checks.ts';
import { semanticEqual } from '../equal.ts';
import type * as core from '../gen/types/core.v1.ts';

const MAX_LENGTH = 128;
const MAX_NOTE_LENGTH = 1024;
const CORE = 'v1';

/** Through events.k8s.io events are held to more, by the names of the core group (pkg/apis/core/validation/events.go). */
export function validateEvent(event: core.Event, apiVersion: string): readonly FieldError[] {
  const errors: Errors = legacyErrors(event);
  if (apiVersion === CORE) return errors;
  const name = event.metadata?.name ?? '';
  addFaults(errors, root('metadata').child('name'), name, dns1123SubdomainFaults(name));
  errors.push(...seriesErrors(event.series));
  if (isEmpty(event.eventTime)) errors.push(required(root('eventTime')));
  const type = event.type ?? '';
  if (type !== 'Normal' && type !== 'Warning') errors.push(invalid(root('type'), '', `has invalid value: ${type}`));
  const unset = (field: string, isSet: boolean): void => {
    if (isSet) errors.push(invalid(root(field), '', 'needs to be unset'));
  };
  unset('firstTimestamp', !isEmpty(event.firstTimestamp));
  unset('lastTimestamp', !isEmpty(event.lastTimestamp));
  unset('count', (event.count ?? 0) !== 0);
  unset('source', !isEmpty(event.source?.component) || !isEmpty(event.source?.host));
  return errors;
}

const FIXED = [
  'involvedObject',
  'reason',
  'message',
  'source',
  'firstTimestamp',
  'lastTimestamp',
  'count',
  'reason',
  'type',
  'eventTime',
  'action',
  'related',
] as const;

/** Through events.k8s.io only the series goes on. */
export function validateEventUpdate(event: core.Event, old: core.Event, apiVersion: string): readonly FieldError[] {
  const errors: Errors = legacyErrors(event);
  if (apiVersion === CORE) return errors;
  if (!semanticEqual(event.series, old.series)) errors.push(...seriesErrors(event.series));
  const fixed = (field: string, now: unknown, before: unknown): void => {
    if (!semanticEqual(now ?? '', before ?? '')) errors.push(invalid(root(field), asJson(now), IMMUTABLE));
  };
  for (const field of FIXED) fixed(field, event[field], old[field]);
  fixed('reportingController', event.reportingComponent, old.reportingComponent);
  fixed('reportingInstance', event.reportingInstance, old.reportingInstance);
  return errors;
}

function seriesErrors(series: core.Event['series']): Errors {
  const errors: Errors = [];
  if (series === undefined) return errors;
  if ((series.count ?? 0) < 2) errors.push(invalid(root('series.count'), '', 'should be at least 2'));
  if (isEmpty(series.lastObservedTime)) errors.push(required(root('series.lastObservedTime')));
  return errors;
}

/** An eventTime tells an event of events.k8s.io, whichever way it comes. */
function legacyErrors(event: core.Event): Errors {
  const errors: Errors = isEmpty(event.eventTime) ? oldErrors(event) : newErrors(event);
  addFaults(errors, root('namespace'), event.metadata?.namespace ?? '', dns1123SubdomainFaults(event.metadata?.namespace ?? ''));
  return errors;
}

const elsewhere = (about: string): FieldError => invalid(root('involvedObject').child('namespace'), about, 'does not match event.namespace');

/** An event about something without a namespace lies in default. */
function oldErrors({ metadata, involvedObject }: core.Event): Errors {
  const own = metadata?.namespace ?? '';
  const about = involvedObject?.namespace ?? '';
  const agrees = about === '' ? own === '' || own === 'default' : about === own;
  return agrees ? [] : [elsewhere(about)];
}

function newErrors(event: core.Event): Errors {
  const errors: Errors = [];
  const own = event.metadata?.namespace ?? '';
  if (isEmpty(event.involvedObject?.namespace) && own !== 'default' && own !== 'kube-system') errors.push(elsewhere(''));
  if (isEmpty(event.reportingComponent)) errors.push(required(root('reportingController')));
  addFaults(errors, root('reportingController'), event.reportingComponent ?? '', qualifiedNameFaults(event.reportingComponent ?? ''));
  errors.push(...textErrors('reportingInstance', event.reportingInstance), ...textErrors('action', event.action), ...textErrors('reason', event.reason));
  if (bytesOf(event.message) > MAX_NOTE_LENGTH) errors.push(invalid(root('message'), '', `can have at most ${MAX_NOTE_LENGTH} characters`));
  return errors;
}

function textErrors(field: string, value: string | undefined): Errors {
  if (isEmpty(value)) return [required(root(field))];
  return bytesOf(value) > MAX_LENGTH ? [invalid(root(field), '', `can have at most ${MAX_LENGTH} characters`)] : [];
}

/** Kubernetes counts bytes and says characters. */
const bytesOf = (text = ''): number => new TextEncoder().encode(text).length;
