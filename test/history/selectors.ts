import type { Random } from '../../src/base/random.ts';
import type { Selector, Shape } from './truth.ts';

export const NAMESPACES = ['ants', 'bees', 'cats', 'dogs'];
export const COLORS = ['red', 'green', 'blue'];
export const TIERS = ['front', 'back'];
export const PHASES = ['Pending', 'Running', 'Succeeded'];
export const NAMES = Array.from({ length: 24 }, (_, i) => `o${i}`);

interface Part {
  readonly query: string;
  readonly selects: (shape: Shape) => boolean;
}

const label = (selector: string, selects: (labels: Readonly<Record<string, string>>) => boolean): Part => ({
  query: `labelSelector=${encodeURIComponent(selector)}`,
  selects: ({ labels }) => selects(labels),
});
const field = (selector: string, selects: (shape: Shape) => boolean): Part => ({ query: `fieldSelector=${encodeURIComponent(selector)}`, selects });

/** Every form of selector, each with the same rule in plain code. */
const LABELS: readonly Part[] = [
  { query: '', selects: () => true },
  label('color=red', ({ color }) => color === 'red'),
  label('color!=red', ({ color }) => color !== 'red'),
  label('color in (green,blue)', ({ color }) => color === 'green' || color === 'blue'),
  label('color notin (green),tier', ({ color, tier }) => color !== 'green' && tier !== undefined),
  label('!tier', ({ tier }) => tier === undefined),
  label('tier=back,color=blue', ({ tier, color }) => tier === 'back' && color === 'blue'),
];

const FIELDS: readonly Part[] = [
  { query: '', selects: () => true },
  field('metadata.name=o3', ({ name }) => name === 'o3'),
  field('metadata.name!=o3', ({ name }) => name !== 'o3'),
  field('metadata.namespace=bees', ({ namespace }) => namespace === 'bees'),
  field('metadata.name=o5,metadata.namespace=cats', ({ name, namespace }) => name === 'o5' && namespace === 'cats'),
];

const POD_FIELDS: readonly Part[] = [
  ...FIELDS,
  field('status.phase=Running', ({ phase }) => phase === 'Running'),
  field('status.phase!=Running,metadata.name!=o1', ({ phase, name }) => phase !== 'Running' && name !== 'o1'),
];

export function selectorsFor(count: number, random: Random): readonly Selector[] {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random.float() * from.length)] as T;
  return Array.from({ length: count }, () => {
    const resource = random.float() < 0.6 ? 'configmaps' : 'pods';
    const namespace = random.float() < 0.5 ? '' : pick(NAMESPACES);
    const labels = pick(LABELS);
    const fields = random.float() < 0.5 ? (FIELDS[0] as Part) : pick(resource === 'pods' ? POD_FIELDS : FIELDS);
    const query = [labels.query, fields.query].filter((part) => part !== '').join('&');
    return {
      name: `${resource} in ${namespace === '' ? 'all' : namespace} where ${decodeURIComponent(query)}`,
      resource,
      namespace,
      query,
      selects: (shape: Shape) => labels.selects(shape) && fields.selects(shape),
      metadataOnly: false,
    };
  });
}
