import type { FlowSchemaSpec, PriorityLevelConfigurationSpec, Subject } from '../gen/types/flowcontrol.v1.ts';

/** What priority and fairness can not be without: these objects are in every cluster, and are as they are. */
export interface Mandatory {
  readonly level: PriorityLevelConfigurationSpec;
  readonly schema: FlowSchemaSpec;
}

const ALL = ['*'];
const group = (name: string): Subject => ({ kind: 'Group', group: { name } });

function schemaOf(name: string, matchingPrecedence: number, subjects: readonly Subject[], distinguished: boolean): FlowSchemaSpec {
  const resourceRules = [{ verbs: ALL, apiGroups: ALL, resources: ALL, clusterScope: true, namespaces: ALL }];
  const nonResourceRules = [{ verbs: ALL, nonResourceURLs: ALL }];
  return {
    priorityLevelConfiguration: { name },
    matchingPrecedence,
    ...(distinguished ? { distinguisherMethod: { type: 'ByUser' } } : {}),
    rules: [{ subjects, resourceRules, nonResourceRules }],
  };
}

/** By the name that the level and its schema share. */
export const MANDATORY: ReadonlyMap<string, Mandatory> = new Map([
  [
    'exempt',
    {
      level: { type: 'Exempt', exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } },
      schema: schemaOf('exempt', 1, [group('system:masters')], false),
    },
  ],
  [
    'catch-all',
    {
      level: { type: 'Limited', limited: { nominalConcurrencyShares: 5, lendablePercent: 0, limitResponse: { type: 'Reject' } } },
      schema: schemaOf('catch-all', 10_000, [group('system:unauthenticated'), group('system:authenticated')], true),
    },
  ],
]);
