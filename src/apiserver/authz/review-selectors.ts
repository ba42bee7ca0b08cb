import type { FieldSelectorAttributes, LabelSelectorAttributes } from '../../api/gen/types/authorization.v1.ts';
import { formatFieldSelector, parseFieldSelector } from '../../machinery/fields.ts';
import { parseSelector } from '../../machinery/label-selector-text.ts';
import { formatSelector, selectorOf } from '../../machinery/labels.ts';

/** What a review narrows by, in the form of a request. What nobody understands narrows nothing, and is told. */
export interface Narrowing {
  readonly text: string | undefined;
  readonly fault: string | undefined;
}

const LABEL_OPERATORS = ['In', 'NotIn', 'Exists', 'DoesNotExist'];

/** Fields are compared with one value. */
export function fieldNarrowing({ rawSelector: raw = '', requirements = [] }: FieldSelectorAttributes = {}): Narrowing {
  if (raw !== '') return rawNarrowing('fieldSelector', raw, 'fault' in parseFieldSelector(raw));
  const read = requirements.filter(({ operator, values }) => ['In', 'NotIn'].includes(operator) && values?.length === 1);
  const text = formatFieldSelector(read.map(({ key, operator, values }) => ({ field: key, equal: operator === 'In', value: values?.[0] ?? '' })));
  return { text: text === '' ? undefined : text, fault: partFault('fieldSelector', read.length, requirements.length) };
}

export function labelNarrowing({ rawSelector: raw = '', requirements = [] }: LabelSelectorAttributes = {}): Narrowing {
  if (raw !== '') return rawNarrowing('labelSelector', raw, 'fault' in parseSelector(raw));
  const read = requirements.filter(({ operator }) => LABEL_OPERATORS.includes(operator));
  const text = formatSelector(selectorOf({ matchExpressions: read }));
  return { text: text === '' ? undefined : text, fault: partFault('labelSelector', read.length, requirements.length) };
}

const rawNarrowing = (name: string, raw: string, faulty: boolean): Narrowing =>
  faulty ? { text: undefined, fault: partFault(name, 0, 1) } : { text: raw, fault: undefined };

function partFault(name: string, read: number, given: number): string | undefined {
  return read === given ? undefined : `spec.resourceAttributes.${name} ${read === 0 ? '' : 'partially '}ignored due to parse error`;
}
