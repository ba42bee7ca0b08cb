import type { ControllerRevision, StatefulSet } from '../../api/gen/types/apps.v1.ts';
import type { PodTemplateSpec } from '../../api/gen/types/core.v1.ts';
import { statefulSets } from '../../api/gen/resources.ts';
import type { JsonObject, Stored } from '../../machinery/object.ts';
import { controllerReference } from '../owner.ts';
import { canonical, sameTemplate, templateHash } from '../template-hash.ts';

/** The template that a revision keeps: a patch that replaces it whole, as `kubectl rollout undo` applies it. */
export function templateOf(revision: ControllerRevision): PodTemplateSpec {
  const data = revision.data as unknown as { readonly spec?: { readonly template?: PodTemplateSpec & { readonly $patch?: string } } } | undefined;
  const { $patch: _, ...template } = data?.spec?.template ?? {};
  return template;
}

/** What is to be true of the set's revisions. */
export type RevisionPlan =
  | { readonly do: 'use'; readonly update: Stored<ControllerRevision> }
  /** An older revision came back: it becomes the newest. */
  | { readonly do: 'renumber'; readonly update: Stored<ControllerRevision>; readonly revision: number }
  | { readonly do: 'create'; readonly revision: ControllerRevision };

export function planRevision(set: Stored<StatefulSet>, revisions: readonly Stored<ControllerRevision>[]): RevisionPlan {
  const sorted = revisions.toSorted((a, b) => a.revision - b.revision || (a.metadata.name < b.metadata.name ? -1 : 1));
  const newest = sorted.at(-1);
  const equal = sorted.findLast((revision) => sameTemplate(templateOf(revision), set.spec?.template));
  if (equal !== undefined && equal === newest) return { do: 'use', update: equal };
  const next = (newest?.revision ?? 0) + 1;
  if (equal !== undefined) return { do: 'renumber', update: equal, revision: next };
  return { do: 'create', revision: newRevision(set, next) };
}

function newRevision(set: Stored<StatefulSet>, revision: number): ControllerRevision {
  const hash = templateHash(set.spec?.template, set.status?.collisionCount ?? 0);
  const data: JsonObject = { spec: { template: { ...(JSON.parse(canonical(set.spec?.template ?? {})) as JsonObject), $patch: 'replace' } } };
  return {
    metadata: {
      name: `${set.metadata.name}-${hash}`,
      namespace: set.metadata.namespace ?? '',
      labels: { ...set.spec?.template.metadata?.labels, 'controller.kubernetes.io/hash': hash },
      ownerReferences: [controllerReference(statefulSets, set)],
    },
    data,
    revision,
  };
}

/** Revisions beyond the history limit that neither a pod nor the set uses, oldest first. */
export function historyToDelete(
  set: StatefulSet,
  revisions: readonly Stored<ControllerRevision>[],
  inUse: ReadonlySet<string>,
): readonly Stored<ControllerRevision>[] {
  const unused = revisions.filter((revision) => !inUse.has(revision.metadata.name)).toSorted((a, b) => a.revision - b.revision);
  return unused.slice(0, Math.max(0, unused.length - (set.spec?.revisionHistoryLimit ?? 10)));
}
