import { type StatusCause, StatusError } from '../../machinery/status-error.ts';
import { below, EMPTY, type FieldSet } from './field-set.ts';
import type { Manager } from './managed-fields.ts';
import type { Taken } from './ownership.ts';
import { compareElements, formatElements, type PathElement } from './path-element.ts';

/** 409 with a cause for each field: `Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using apps/v1: .spec.replicas`. */
export function applyConflict(taken: readonly Taken[]): StatusError {
  const sorted = [...taken].sort((a, b) => compareText(formatManager(a.manager), formatManager(b.manager)));
  const fields = sorted.map(({ manager, fields: set }) => ({ manager: formatManager(manager), paths: namedPaths(set) }));
  const causes: StatusCause[] = fields.flatMap(({ manager, paths }) =>
    paths.map((field) => ({ reason: 'FieldManagerConflict', message: `conflict with ${manager}`, field })),
  );
  return new StatusError('Conflict', message(fields, causes.length), { details: { causes } });
}

/** Fields first, then what lies below them, each in the order of its elements. */
function namedPaths(set: FieldSet, path: readonly PathElement[] = []): readonly string[] {
  const keys = [...set.keys].sort(compareElements);
  const here = keys.filter((key) => below(set, key)?.own === true).map((key) => formatElements([...path, key]));
  return [...here, ...keys.flatMap((key) => namedPaths(below(set, key) ?? EMPTY, [...path, key]))];
}

interface Conflicts {
  readonly manager: string;
  readonly paths: readonly string[];
}

function message(conflicts: readonly Conflicts[], count: number): string {
  const [first] = conflicts;
  if (count === 1 && first !== undefined) return `Apply failed with 1 conflict: conflict with ${first.manager}: ${first.paths[0] ?? ''}`;
  const lines = conflicts.flatMap(({ manager, paths }) => [`conflicts with ${manager}:`, ...paths.map((path) => `- ${path}`)]);
  return `Apply failed with ${count} conflicts: ${lines.join('\n')}`;
}

function formatManager({ name, subresource, operation, apiVersion }: Manager): string {
  const who = `${JSON.stringify(name)}${subresource === '' ? '' : ` with subresource ${JSON.stringify(subresource)}`}`;
  return operation === 'Update' ? `${who} using ${apiVersion}` : who;
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
