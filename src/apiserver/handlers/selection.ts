import type { Kind } from '../../api/kind.ts';
import { type FieldSelector, parseFieldSelector, requiredValue } from '../../machinery/fields.ts';
import { parseSelector } from '../../machinery/label-selector-text.ts';
import { EVERYTHING, labelMatcher, type Selector } from '../../machinery/labels.ts';
import { getOwn, hasOwn } from '../../machinery/record.ts';
import { badRequest } from '../../machinery/status-error.ts';
import type { Projection } from '../codec/projection.ts';
import type { Equality } from '../registry/selection-index.ts';
import type { Binding } from '../registry/registry.ts';

/** What a list or watch selects, decided on projections: no object is parsed. */
export interface Selection {
  /** No selector was given. */
  readonly everything: boolean;
  readonly matches: (projection: Projection) => boolean;
  /** The one name that can match; undefined: any. */
  readonly name: string | undefined;
  readonly namespace: string | undefined;
  /** Labels and fields that must have one value, names and namespaces apart. */
  readonly equalities: readonly Equality[];
  /** The same and of this name. */
  named(name: string): Selection;
}

/** Throws 400 in Kubernetes' words. */
export function parseSelection(binding: Binding, labelSelector: string, fieldSelector: string): Selection {
  return selectionOf(parseLabels(labelSelector), parseFields(binding, fieldSelector));
}

function parseLabels(text: string): Selector {
  if (text === '') return EVERYTHING;
  const parsed = parseSelector(text);
  if ('fault' in parsed) throw badRequest(parsed.fault);
  return parsed;
}

function parseFields({ kind }: Binding, text: string): FieldSelector {
  if (text === '') return [];
  const parsed = parseFieldSelector(text);
  if ('fault' in parsed) throw badRequest(parsed.fault);
  const unknown = parsed.find(({ field }) => !isSelectable(kind, field));
  if (unknown !== undefined) throw badRequest(unknownField(kind, unknown.field));
  return parsed;
}

/** Kinds without fields of their own take a namespace even where they have none: nothing is in it (apimachinery `DefaultMetaV1FieldSelectorConversion`). */
function isSelectable({ namespaced, selectableFieldNames }: Kind, field: string): boolean {
  if (field === 'metadata.name') return true;
  if (field === 'metadata.namespace') return namespaced || selectableFieldNames === undefined;
  return selectableFieldNames?.includes(field) === true;
}

/** Each kind with fields of its own has its words. */
function unknownField({ group, version, kind, selectableFieldNames }: Kind, field: string): string {
  const quoted = JSON.stringify(field);
  if (selectableFieldNames === undefined) return `${quoted} is not a known field selector: only "metadata.name", "metadata.namespace"`;
  if (group === 'batch') return `field label ${quoted} not supported for batchv1.Job`;
  if (group === 'resource.k8s.io') return `field label not supported for ${group}/${version}, Kind=${kind}: ${field}`;
  return `field label not supported: ${field}`;
}

function selectionOf(labels: Selector, fields: FieldSelector): Selection {
  const noFields = fields.length === 0;
  const everything = labels.nothing !== true && labels.requirements.length === 0 && noFields;
  const matchesLabels = labelMatcher(labels);
  const matchesFields = fieldMatcher(fields);
  const matches = (p: Projection): boolean => matchesLabels(p.labels) && (noFields || matchesFields(p));
  return {
    everything,
    matches: everything ? () => true : matches,
    name: requiredValue(fields, 'metadata.name'),
    namespace: requiredValue(fields, 'metadata.namespace'),
    equalities: equalitiesOf(labels, fields),
    named: (name) => selectionOf(labels, [...fields, { field: 'metadata.name', equal: true, value: name }]),
  };
}

function equalitiesOf({ requirements }: Selector, fields: FieldSelector): readonly Equality[] {
  const labels = requirements.filter(({ operator, values }) => (operator === '=' || operator === 'in') && values.length === 1);
  const others = fields.filter(({ field, equal, value }) => equal && value !== '' && field !== 'metadata.name' && field !== 'metadata.namespace');
  return [
    ...labels.map(({ key, values }): Equality => ({ by: 'label', name: key, value: values[0] ?? '' })),
    ...others.map(({ field, value }): Equality => ({ by: 'field', name: field, value })),
  ].slice(0, MOST_EQUALITIES);
}

/** Looked up; the rest is looked at. */
const MOST_EQUALITIES = 8;

/** Costs as much as the kind has fields, however often the selector names each. */
function fieldMatcher(selector: FieldSelector): (projection: Projection) => boolean {
  const rules = new Map<string, { value: string | undefined; readonly not: Set<string> }>();
  for (const { field, equal, value } of selector) {
    let rule = rules.get(field);
    if (rule === undefined) rules.set(field, (rule = { value: undefined, not: new Set() }));
    if (!equal) rule.not.add(value);
    else if (rule.value === undefined || rule.value === value) rule.value = value;
    else return () => false;
  }
  const all = [...rules];
  return (projection) =>
    all.every(([field, { value, not }]) => {
      const found = valueOf(projection, field);
      return (value === undefined || found === value) && !not.has(found);
    });
}

function valueOf(projection: Projection, field: string): string {
  if (field === 'metadata.name') return projection.name;
  if (field === 'metadata.namespace') return projection.namespace;
  return hasOwn(projection.fields, field) ? (getOwn(projection.fields, field) ?? '') : '';
}
