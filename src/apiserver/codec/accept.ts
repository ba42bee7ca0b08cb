import { StatusError } from '../../machinery/status-error.ts';

export type Format = 'json' | 'protobuf' | 'yaml';

/** How an answer is to be written. */
export interface Representation {
  readonly format: Format;
  /** Absent: the object or list itself. */
  readonly as?: 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList' | undefined;
  /** Of meta.k8s.io, with `as`. */
  readonly metaVersion: 'v1' | 'v1beta1';
}

export const plainJson: Representation = { format: 'json', metaVersion: 'v1' };

/** What the answer can be turned into. */
export interface Offers {
  readonly protobuf: boolean;
  readonly table: boolean;
  readonly partial: 'PartialObjectMetadata' | 'PartialObjectMetadataList' | undefined;
}

interface Clause {
  readonly type: string;
  readonly quality: number;
  readonly parameters: ReadonlyMap<string, string>;
}

const FORMATS: Readonly<Record<string, Format>> = {
  'application/json': 'json',
  'application/*': 'json',
  '*/*': 'json',
  'application/yaml': 'yaml',
  'application/vnd.kubernetes.protobuf': 'protobuf',
};

/** The clauses of the header in the order of preference: by quality, then as they stand. */
function parseAccept(header: string): readonly Clause[] {
  const clauses = header
    .split(',')
    .map((part): Clause => {
      const [type = '', ...rest] = part.split(';').map((s) => s.trim());
      const parameters = new Map(rest.map((p): [string, string] => [p.split('=')[0]?.trim() ?? '', p.slice(p.indexOf('=') + 1).trim()]));
      const quality = Number(parameters.get('q') ?? '1');
      return { type: type.toLowerCase(), quality: Number.isNaN(quality) ? 1 : quality, parameters };
    })
    .filter(({ type, quality }) => type !== '' && quality > 0);
  return clauses.some(({ quality }) => quality !== 1) ? clauses.sort((a, b) => b.quality - a.quality) : clauses;
}

const known = new Map<string, readonly Clause[]>();

/** The first clause that can be met. Throws 406 with what would be accepted. */
export function negotiate(header: string | undefined, offers: Offers): Representation {
  if (header === undefined || header === '' || header === '*/*' || header === 'application/json') return plainJson;
  let clauses = known.get(header);
  if (clauses === undefined) {
    clauses = parseAccept(header);
    // Few headers are in use; whoever sends new ones all the time must not make it grow.
    if (known.size > 256) known.clear();
    known.set(header, clauses);
  }
  if (clauses.length === 0) return plainJson;
  for (const clause of clauses) {
    const met = meet(clause, offers);
    if (met !== undefined) return met;
  }
  throw notAcceptable(offers);
}

function meet({ type, parameters }: Clause, offers: Offers): Representation | undefined {
  const format = Object.hasOwn(FORMATS, type) ? FORMATS[type] : undefined;
  if (format === undefined) return undefined;
  const as = parameters.get('as');
  if (as === undefined) return format === 'protobuf' && !offers.protobuf ? undefined : { format, metaVersion: 'v1' };
  const version = parameters.get('v') ?? '';
  if (parameters.get('g') !== 'meta.k8s.io' || (version !== 'v1' && version !== 'v1beta1')) return undefined;
  // Tables and partial objects are written as JSON (or YAML); whoever prefers protobuf names JSON next.
  if (format === 'protobuf') return undefined;
  if (as === 'Table' && offers.table) return { format, as, metaVersion: version };
  if (as === offers.partial && offers.partial !== undefined) return { format, as, metaVersion: version };
  return undefined;
}

export function notAcceptable(offers: Offers): StatusError {
  const types = ['application/json', 'application/yaml', ...(offers.protobuf ? ['application/vnd.kubernetes.protobuf'] : [])];
  return new StatusError('NotAcceptable', `only the following media types are accepted: ${types.join(', ')}`, { details: {} });
}

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  json: 'application/json',
  yaml: 'application/yaml',
  protobuf: 'application/vnd.kubernetes.protobuf',
};
