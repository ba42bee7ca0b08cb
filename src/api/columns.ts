import type { KubeObject } from '../machinery/object.ts';
import { humanDuration } from '../machinery/time.ts';
import type { Column } from './kind.ts';

type Cell<T extends KubeObject> = Column<T>['cell'];

export const text = <T extends KubeObject>(name: string, description: string, cell: Cell<T>): Column<T> => ({
  name,
  type: 'string',
  description,
  priority: 0,
  cell,
});
export const integer = <T extends KubeObject>(name: string, description: string, cell: Cell<T>): Column<T> => ({
  name,
  type: 'integer',
  description,
  priority: 0,
  cell,
});
export const boolean = <T extends KubeObject>(name: string, description: string, cell: Cell<T>): Column<T> => ({
  name,
  type: 'boolean',
  description,
  priority: 0,
  cell,
});
/** Shown with `-o wide` only. */
export const wide = <T extends KubeObject>(name: string, description: string, cell: Cell<T>): Column<T> => ({
  name,
  type: 'string',
  description,
  priority: 1,
  cell,
});

export const nameColumn: Column = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'The name of the object, unique within its namespace.',
  priority: 0,
  cell: (object) => object.metadata?.name ?? '',
};

/** The age as kubectl shows it. */
export const ageColumn: Column = text('Age', 'How long ago the object was created.', (object, nowMs) => ageOf(object.metadata?.creationTimestamp, nowMs));

export const nameAndAge: readonly Column[] = [nameColumn, ageColumn];

/** What Kubernetes prints for kinds without columns of their own. */
export const defaultColumns: readonly Column[] = [
  nameColumn,
  { ...text('Created At', 'When the object was created.', (object) => object.metadata?.creationTimestamp ?? ''), type: 'date' },
];

/** `5m`, `<unknown>` without a time. */
export function ageOf(time: string | undefined, nowMs: number): string {
  if (time === undefined) return '<unknown>';
  const ms = Date.parse(time);
  return Number.isNaN(ms) ? '<unknown>' : humanDuration(nowMs - ms);
}

/** `a=b,c=d` by key; `<none>` when there are none. */
export function formatLabels(labels: Readonly<Record<string, string>> | undefined): string {
  const keys = Object.keys(labels ?? {}).sort();
  return keys.length === 0 ? '<none>' : keys.map((key) => `${key}=${labels?.[key] ?? ''}`).join(',');
}

interface WithContainers {
  readonly containers?: readonly { readonly name: string; readonly image?: string | undefined }[] | undefined;
}

/** The two columns about a pod template that workloads show with `-o wide`. */
export function containerColumns<T extends KubeObject>(podSpec: (object: T) => WithContainers | undefined): readonly Column<T>[] {
  return [
    wide('Containers', 'Names of the containers in the template.', (object) => (podSpec(object)?.containers ?? []).map((c) => c.name).join(',')),
    wide('Images', 'Images of the containers in the template.', (object) => (podSpec(object)?.containers ?? []).map((c) => c.image ?? '').join(',')),
  ];
}

/** `True`, `False`, `<unset>`. */
export const formatFlag = (flag: boolean | undefined): string => (flag === undefined ? '<unset>' : flag ? 'True' : 'False');
