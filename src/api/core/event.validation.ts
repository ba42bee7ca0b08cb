import { type FieldError, invalid, required } from '../../machinery/field-error.ts';
import { qualifiedNameFaults } from '../../machinery/names.ts';
import { addFaults, type Errors, IMMUTABLE, isEmpty, root } from '../checks.ts';
import { semanticEqual } from '../equal.ts';
import type * as core from '../gen/types/core.v1.ts';

const MAX_REPORTER = 128;
const MAX_ACTION = 128;
const MAX_REASON = 128;
const MAX_MESSAGE = 1024;

/** Events are stored in the core group's form. Those with an eventTime come from clients of events.k8s.io and are held to more. */
export function validateEvent(event: core.Event): readonly FieldError[] {
  const errors: Errors = [];
  errors.push(...namespaceErrors(event));
  if (isEmpty(event.eventTime)) return errors;
  if (isEmpty(event.reportingComponent)) errors.push(required(root('reportingController')));
  else addFaults(errors, root('reportingController'), event.reportingComponent, qualifiedNameFaults(event.reportingComponent));
  errors.push(
    ...textErrors('reportingInstance', event.reportingInstance, MAX_REPORTER),
    ...textErrors('action', event.action, MAX_ACTION),
    ...textErrors('reason', event.reason, MAX_REASON),
  );
  if ((event.message ?? '').length > MAX_MESSAGE) errors.push(invalid(root('message'), '', `can have at most ${MAX_MESSAGE} characters`));
  return errors;
}

function textErrors(field: string, value: string | undefined, max: number): Errors {
  if (isEmpty(value)) return [required(root(field))];
  return value.length > max ? [invalid(root(field), '', `can have at most ${max} characters`)] : [];
}

/** An event about something without a namespace lies in default. */
function namespaceErrors({ metadata, involvedObject }: core.Event): Errors {
  const own = metadata?.namespace ?? '';
  const path = root('involvedObject').child('namespace');
  const about = involvedObject?.namespace ?? '';
  if (about === '') return own === 'default' || own === 'kube-system' || own === '' ? [] : [invalid(path, about, 'does not match event.namespace')];
  return about === own ? [] : [invalid(path, about, 'does not match event.namespace')];
}

const FIXED = [
  'involvedObject',
  'reason',
  'message',
  'source',
  'firstTimestamp',
  'lastTimestamp',
  'count',
  'reportingComponent',
  'reportingInstance',
  'action',
  'related',
  'type',
  'eventTime',
] as const;

/** Only the series of a new event goes on. */
export function validateEventUpdate(event: core.Event, old: core.Event): readonly FieldError[] {
  const errors: Errors = [...validateEvent(event)];
  if (isEmpty(old.eventTime)) return errors;
  for (const field of FIXED) if (!semanticEqual(event[field] ?? '', old[field] ?? '')) errors.push(invalid(root(field), null, IMMUTABLE));
  return errors;
}
