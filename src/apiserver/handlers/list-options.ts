import { type FieldError, FieldPath, forbidden, notSupported } from '../../machinery/field-error.ts';
import { badRequest, type StatusError } from '../../machinery/status-error.ts';
import { invalidOptions, parseResourceVersion, type Query } from './query.ts';

/** ListOptions of meta.k8s.io, read from the query and checked as Kubernetes checks them. */
export interface ListOptions {
  readonly watch: boolean;
  readonly labelSelector: string;
  readonly fieldSelector: string;
  /** Undefined: not given. 0: `"0"`, any version will do. */
  readonly resourceVersion: number | undefined;
  readonly match: '' | 'Exact' | 'NotOlderThan';
  /** 0: no limit. */
  readonly limit: number;
  readonly continueToken: string;
  readonly timeoutSeconds: number | undefined;
  readonly allowWatchBookmarks: boolean;
  readonly sendInitialEvents: boolean | undefined;
}

export function parseListOptions(query: Query, watch: boolean): ListOptions {
  const version = query.get('resourceVersion');
  const match = query.get('resourceVersionMatch') ?? '';
  const continueToken = query.get('continue') ?? '';
  const sendInitialEvents = query.flag('sendInitialEvents');
  const given = { match, version: version ?? '', continueToken, sendInitialEvents };
  const errors = watch ? watchErrors(given) : listErrors(given);
  if (errors.length > 0) throw invalidOptions('ListOptions', errors);
  return {
    watch,
    labelSelector: query.get('labelSelector') ?? '',
    fieldSelector: query.get('fieldSelector') ?? '',
    resourceVersion:
      version === undefined || version === '' ? undefined : watch ? parseResourceVersion(version) : parseResourceVersion(version, badListVersion),
    match: match as ListOptions['match'],
    limit: Math.max(0, query.integer('limit') ?? 0),
    continueToken,
    timeoutSeconds: query.integer('timeoutSeconds'),
    allowWatchBookmarks: query.flag('allowWatchBookmarks') ?? false,
    sendInitialEvents,
  };
}

/** Where Kubernetes' store looks at it first. */
const badListVersion = (fault: string): StatusError => badRequest(`invalid resource version: ${fault}`);

interface Given {
  readonly match: string;
  readonly version: string;
  readonly continueToken: string;
  readonly sendInitialEvents: boolean | undefined;
}

const MATCH = new FieldPath('resourceVersionMatch');
const INITIAL = new FieldPath('sendInitialEvents');

function listErrors({ match, version, continueToken, sendInitialEvents }: Given): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (match !== '') {
    if (version === '') errors.push(forbidden(MATCH, 'resourceVersionMatch is forbidden unless resourceVersion is provided'));
    if (continueToken !== '') errors.push(forbidden(MATCH, 'resourceVersionMatch is forbidden when continue is provided'));
    if (match !== 'Exact' && match !== 'NotOlderThan') errors.push(notSupported(MATCH, match, ['Exact', 'NotOlderThan', '']));
    if (match === 'Exact' && version === '0') errors.push(forbidden(MATCH, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  }
  if (sendInitialEvents !== undefined) errors.push(forbidden(INITIAL, 'sendInitialEvents is forbidden for list'));
  return errors;
}

function watchErrors({ match, continueToken, sendInitialEvents }: Given): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (sendInitialEvents !== undefined && match !== 'NotOlderThan') {
    errors.push(forbidden(MATCH, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'));
  }
  if (match !== '') {
    if (sendInitialEvents === undefined) errors.push(forbidden(MATCH, 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'));
    if (match !== 'NotOlderThan') errors.push(notSupported(MATCH, match, ['NotOlderThan']));
    if (continueToken !== '') errors.push(forbidden(MATCH, 'resourceVersionMatch is forbidden when continue is provided'));
  }
  return errors;
}
