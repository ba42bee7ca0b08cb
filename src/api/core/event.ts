import { pathSegmentNameFaults } from '../../machinery/names.ts';
import type * as core from '../gen/types/core.v1.ts';
import type * as events from '../gen/types/events.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { eventFromStorage, eventToStorage } from './event.convert.ts';
import { coreEventColumns, newEventColumns } from './event.columns.ts';
import { validateEvent, validateEventUpdate } from './event.validation.ts';

const ONE_HOUR = 3600;

/** Events are stored in the core group's form, whichever group they are written in. */
export const coreEventRules: KindRules<core.Event> = {
  strategy: {
    validateName: pathSegmentNameFaults,
    allowCreateOnUpdate: true,
    allowUnconditionalUpdate: true,
    timeToLiveSeconds: ONE_HOUR,
    validateCreate: validateEvent,
    validateUpdate: validateEventUpdate,
  },
  columns: coreEventColumns,
  shortNames: ['ev'],
  selectable: {
    names: [
      ...['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map((f) => `involvedObject.${f}`),
      'reason',
      'reportingComponent',
      'source',
      'type',
    ],
    values: ({ involvedObject: about, reason, reportingComponent, source, type }) => ({
      'involvedObject.kind': about?.kind ?? '',
      'involvedObject.namespace': about?.namespace ?? '',
      'involvedObject.name': about?.name ?? '',
      'involvedObject.uid': about?.uid ?? '',
      'involvedObject.apiVersion': about?.apiVersion ?? '',
      'involvedObject.resourceVersion': about?.resourceVersion ?? '',
      'involvedObject.fieldPath': about?.fieldPath ?? '',
      reason: reason ?? '',
      reportingComponent: reportingComponent ?? '',
      // An event of the new group has no source; its controller stands in.
      source: (source?.component ?? '') === '' ? (reportingComponent ?? '') : (source?.component ?? ''),
      type: type ?? '',
    }),
  },
};

export const newEventRules: KindRules<events.Event> = {
  strategy: { allowCreateOnUpdate: true, allowUnconditionalUpdate: true, timeToLiveSeconds: ONE_HOUR },
  columns: newEventColumns,
  shortNames: ['ev'],
  storage: { group: '', version: 'v1' },
  convert: { toStorage: eventToStorage, fromStorage: eventFromStorage },
  selectable: {
    names: [
      ...['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map((f) => `regarding.${f}`),
      'reason',
      'reportingController',
      'type',
    ],
    values: ({ regarding: about, reason, reportingController, type }) => ({
      'regarding.kind': about?.kind ?? '',
      'regarding.namespace': about?.namespace ?? '',
      'regarding.name': about?.name ?? '',
      'regarding.uid': about?.uid ?? '',
      'regarding.apiVersion': about?.apiVersion ?? '',
      'regarding.resourceVersion': about?.resourceVersion ?? '',
      'regarding.fieldPath': about?.fieldPath ?? '',
      reason: reason ?? '',
      reportingController: reportingController ?? '',
      type: type ?? '',
    }),
  },
};
