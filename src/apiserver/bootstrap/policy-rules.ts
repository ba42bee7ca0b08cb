import type { PolicyRule } from '../../api/gen/types/rbac.v1.ts';

/**
 * One rule as a line: `verbs; groups; resources; names`, each a list separated by spaces; `core` is the group without a name.
 * A line of two parts is about paths: `verbs; paths`. READ and WRITE stand for the usual verbs.
 */
export type RuleLine = string;

const WORDS: Readonly<Record<string, readonly string[]>> = {
  READ: ['get', 'list', 'watch'],
  WRITE: ['create', 'delete', 'deletecollection', 'patch', 'update'],
  ALL: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
};

export function parseRule(line: RuleLine): PolicyRule {
  const [verbs = [], groups = [], resources, names] = line.split(';').map(words);
  const expanded = verbs.flatMap((verb) => (Object.hasOwn(WORDS, verb) ? (WORDS[verb] ?? []) : [verb]));
  if (resources === undefined) return { verbs: expanded, nonResourceURLs: groups };
  return {
    verbs: expanded,
    apiGroups: groups.map((group) => (group === 'core' ? '' : group)),
    resources,
    ...(names === undefined ? {} : { resourceNames: names }),
  };
}

function words(part: string): readonly string[] {
  return part.trim().split(/\s+/);
}

/** Who records events may do so in both groups. */
export const EVENTS: RuleLine = 'create patch update; core events.k8s.io; events';
