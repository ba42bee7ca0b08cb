import { type FieldError, FieldPath, invalid, notSupported } from '../../machinery/field-error.ts';
import type { Json, JsonObject } from '../../machinery/object.ts';
import type { StatusError } from '../../machinery/status-error.ts';
import type { Core } from '../core.ts';
import { objectRefusal } from '../codec/body-words.ts';
import { decodeObject, OBJECT_TYPES, requireObject } from '../codec/decode.ts';
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

/** From the body, or from the query when there is none. */
export async function readDeleteOptions(core: Core, call: Call): Promise<DeleteOptions> {
  const refuse = objectRefusal('DeleteOptions');
  const body = await call.body.read(OBJECT_TYPES, refuse);
  if (body !== undefined) await requireObject(call, body, refuse);
  const given = body === undefined ? undefined : decodeOptions(core, call, body);
  return checkDeleteOptions(given ?? fromQuery(call.query));
}

function decodeOptions(core: Core, call: Call, body: NonNullable<Awaited<ReturnType<Call['body']['read']>>>): JsonObject {
  const { apiVersion } = (body.value ?? {}) as { readonly apiVersion?: Json };
  // Every group has DeleteOptions; all of them are the same.
  const version = typeof apiVersion === 'string' && apiVersion !== '' ? apiVersion : 'v1';
  return decodeObject(core, call, body, { apiVersion: version, kind: 'DeleteOptions', typeName: TYPE }, 'Ignore') as JsonObject;
}

function fromQuery(query: Query): JsonObject {
  const gracePeriodSeconds = query.integer('gracePeriodSeconds');
  const propagationPolicy = query.get('propagationPolicy');
  const orphanDependents = query.flag('orphanDependents');
  const dryRun = query.all('dryRun');
  return {
    kind: 'DeleteOptions',
    apiVersion: 'meta.k8s.io/v1',
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
  if (errors.length > 0) throw invalidOptions('DeleteOptions', errors);
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
