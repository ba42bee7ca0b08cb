import type { ClusterRole, PolicyRule, RoleBinding, Subject } from '../../api/gen/types/rbac.v1.ts';
import type { JsonObject } from '../../machinery/object.ts';
import { getOwn } from '../../machinery/record.ts';
import { StatusError } from '../../machinery/status-error.ts';
import { missingRules } from '../authz/rules.ts';
import type { Writer } from './bootstrap.ts';
import type { BootstrapObject } from './objects.ts';
import { defaultBindings, defaultRoles, retiredPolicy } from './policy.ts';

const AUTO_UPDATE = 'rbac.authorization.kubernetes.io/autoupdate';

/**
 * Adds what the default roles and bindings lack: rules and subjects that were taken away come back, those that were added stay.
 * An object whose annotation says `autoupdate: "false"` is left alone.
 */
export async function reconcilePolicy(writer: Writer): Promise<void> {
  await Promise.all([
    ...defaultRoles().map((role) => reconcile(writer, role, completeRole)),
    ...defaultBindings().map((binding) => reconcile(writer, binding, completeBinding)),
    ...retiredPolicy().map((retired) => retire(writer, retired)),
  ]);
}

async function retire(writer: Writer, retired: BootstrapObject): Promise<void> {
  if (getOwn(writer.find(retired)?.metadata?.labels, 'kubernetes.io/bootstrapping') !== 'rbac-defaults') return;
  try {
    await writer.delete(retired);
  } catch (thrown) {
    if (!(thrown instanceof StatusError && thrown.reason === 'NotFound')) throw thrown;
  }
}

/** What the stored object has to become; undefined: it is complete. `replace`: delete and create. */
type Complete = (stored: JsonObject, wanted: JsonObject) => JsonObject | 'replace' | undefined;

async function reconcile(writer: Writer, wanted: BootstrapObject, complete: Complete): Promise<void> {
  const stored = writer.find(wanted);
  if (stored === undefined) return writer.ensure(wanted);
  if (getOwn(stored.metadata?.annotations, AUTO_UPDATE) === 'false') return;
  const next = complete(stored as JsonObject, wanted.object);
  if (next === undefined) return;
  try {
    if (next !== 'replace') return await writer.replace(wanted, next);
    await writer.delete(wanted);
    await writer.ensure(wanted);
  } catch (thrown) {
    // Somebody else changes it at this moment: the next start looks again.
    if (!(thrown instanceof StatusError && thrown.reason === 'Conflict')) throw thrown;
  }
}

export function completeRole(stored: JsonObject, wanted: JsonObject): JsonObject | undefined {
  const have = stored as unknown as ClusterRole;
  const want = wanted as unknown as ClusterRole;
  // An aggregated role's rules belong to the aggregation controller.
  if (want.aggregationRule !== undefined) return undefined;
  const missing: readonly PolicyRule[] = (want.rules ?? []).filter((rule) => missingRules(have.rules ?? [], [rule]).length > 0);
  return missing.length === 0 ? undefined : { ...stored, rules: [...(have.rules ?? []), ...missing] as unknown as JsonObject[] };
}

export function completeBinding(stored: JsonObject, wanted: JsonObject): JsonObject | 'replace' | undefined {
  const have = stored as unknown as RoleBinding;
  const want = wanted as unknown as RoleBinding;
  if (have.roleRef.kind !== want.roleRef.kind || have.roleRef.name !== want.roleRef.name) return 'replace';
  const missing = (want.subjects ?? []).filter((subject) => !(have.subjects ?? []).some((other) => sameSubject(subject, other)));
  return missing.length === 0 ? undefined : { ...stored, subjects: [...(have.subjects ?? []), ...missing] as unknown as JsonObject[] };
}

function sameSubject(a: Subject, b: Subject): boolean {
  return a.kind === b.kind && a.name === b.name && (a.namespace ?? '') === (b.namespace ?? '');
}
