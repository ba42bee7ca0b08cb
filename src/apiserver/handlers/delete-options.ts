import { type FieldError, FieldPath, invalid, notSupported } from '../../machinery/field-error.ts';
import type { Json, JsonObject } from '../../machinery/object.ts';
import type { StatusError } from '../../machinery/status-error.ts';
import type { Core } from '../core.ts';
import { objectRefusal } from '../codec/body-words.ts';
import { decodeObject, notRegistered, OBJECT_TYPES, objectWords, requireObject } from '../codec/decode.ts';
import type { Projection } from '../codec/projection.ts';
import type { Binding } from '../registry/registry.ts';
import type { Call } from './call.ts';
import { preconditionFailed } from './precondition.ts';
import { invalidOptions, type Query } from './query.ts';
import { dryRunErrors } from './write-options.ts';

export type Propagation = 'Orphan' | 'Background' | 'Foreground';

/** meta/v1 DeleteOptions. */
export interface DeleteOptions {
  readonly gracePeriodSeconds?: number | undefined;
  readonly propagationPolicy?: Propagation | undefined;
  /** The old form of the policy. */
  readonly orphanDependents?: boolean | undefined;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string } | undefined;
  readonly dryRun: boolean;
  readonly json: JsonObject;
}

const POLICIES: readonly string[] = ['Orphan', 'Background', 'Foreground'];
const TYPE = 'machinery.meta.v1.DeleteOptions';
const KIND = 'DeleteOptions';
const META_VERSION = 'meta.k8s.io/v1';

/** From the body, or from the query when there is none. */
export async function readDeleteOptions(core: Core, call: Call): Promise<DeleteOptions> {
  const refuse = objectRefusal(KIND);
  const body = await call.body.read(OBJECT_TYPES, refuse);
  const given = body === undefined ? undefined : decodeOptions(core, call, await requireObject(call, body, refuse));
  return checkDeleteOptions(given ?? fromQuery(call.query));
}

function decodeOptions(core: Core, call: Call, body: NonNullable<Awaited<ReturnType<Call['body']['read']>>>): JsonObject {
  const { apiVersion, kind } = (body.value ?? {}) as { readonly apiVersion?: Json; readonly kind?: Json };
  // Every version that is served has DeleteOptions; all of them are the same.
  const version = typeof apiVersion === 'string' && apiVersion !== '' ? apiVersion : 'v1';
  const expected = { apiVersion: version, kind: KIND, typeName: TYPE };
  if (kind === KIND && version !== META_VERSION && !core.registry.serves(version)) {
    const fault = notRegistered(version, KIND);
    throw objectWords(expected).refuse({ fault, converting: fault }, { apiVersion: version, kind: KIND });
  }
  return decodeObject(core, call, body, expected, 'Ignore') as JsonObject;
}

function fromQuery(query: Query): JsonObject {
  const gracePeriodSeconds = query.integer('gracePeriodSeconds');
  const propagationPolicy = query.get('propagationPolicy');
  const orphanDependents = query.flag('orphanDependents');
  const dryRun = query.all('dryRun');
  return {
    kind: KIND,
    apiVersion: META_VERSION,
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(propagationPolicy === undefined || propagationPolicy === '' ? {} : { propagationPolicy }),
    ...(orphanDependents === undefined ? {} : { orphanDependents }),
    ...(dryRun.length === 0 ? {} : { dryRun }),
  };
}

export function checkDeleteOptions(json: JsonObject): DeleteOptions {
  const {
    gracePeriodSeconds,
    propagationPolicy,
    orphanDependents,
    preconditions,
    dryRun = [],
  } = json as {
    readonly gracePeriodSeconds?: number;
    readonly propagationPolicy?: string;
    readonly orphanDependents?: boolean;
    readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
    readonly dryRun?: readonly string[];
  };
  const at = new FieldPath('propagationPolicy');
  const errors: FieldError[] = [];
  if (propagationPolicy !== undefined && orphanDependents !== undefined) {
    errors.push(invalid(at, propagationPolicy, 'orphanDependents and deletionPropagation cannot be both set'));
  }
  if (propagationPolicy !== undefined && !POLICIES.includes(propagationPolicy)) {
    errors.push(notSupported(at, propagationPolicy, ['Foreground', 'Background', 'Orphan', 'nil']));
  }
  errors.push(...dryRunErrors(dryRun));
  if (errors.length > 0) throw invalidOptions(KIND, errors);
  return {
    gracePeriodSeconds,
    propagationPolicy: propagationPolicy as Propagation | undefined,
    orphanDependents,
    preconditions,
    dryRun: dryRun.includes('All'),
    json,
  };
}

/** 409 when the object is not the one that the client means. */
export function checkDeletePreconditions(binding: Binding, { namespace, name, uid }: Projection, modRevision: number, { preconditions }: DeleteOptions): void {
  const fail = (field: 'UID' | 'ResourceVersion', wanted: string, found: string): StatusError =>
    preconditionFailed(binding, namespace, name, field, wanted, found);
  if (preconditions?.uid !== undefined && preconditions.uid !== uid) throw fail('UID', preconditions.uid, uid);
  const version = preconditions?.resourceVersion;
  if (version !== undefined && version !== String(modRevision)) throw fail('ResourceVersion', version, String(modRevision));
}
