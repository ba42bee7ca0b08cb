import { StatusError } from '../../machinery/status-error.ts';

export type Format = 'json' | 'protobuf' | 'yaml';

/** How an answer is to be written. */
export interface Representation {
  readonly format: Format;
  /** Absent: the object or list itself. */
  readonly as?: 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList' | undefined;
  /** Of meta.k8s.io, with `as`. */
  readonly metaVersion: 'v1' | 'v1beta1';
  /** Indented. */
  readonly pretty?: boolean | undefined;
}

export const plainJson: Representation = { format: 'json', metaVersion: 'v1' };

/** What the answer can be turned into. */
export interface Offers {
  readonly protobuf: boolean;
  readonly table: boolean;
  readonly partial: 'PartialObjectMetadata' | 'PartialObjectMetadataList' | undefined;
  /** A Status is shown as it is, whatever it is asked for as. */
  readonly untransformed?: boolean | undefined;
}

/** For what is not known yet. */
const ANYTHING: Offers = { protobuf: true, table: true, partial: undefined, untransformed: true };
/** A refusal is never turned into something else. */
const STATUS: Offers = { protobuf: true, table: false, partial: undefined };

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
  throw notAcceptable([CONTENT_TYPES.json, CONTENT_TYPES.yaml, ...(offers.protobuf ? [CONTENT_TYPES.protobuf] : [])]);
}

function meet({ type, parameters }: Clause, offers: Offers): Representation | undefined {
  const format = Object.hasOwn(FORMATS, type) ? FORMATS[type] : undefined;
  if (format === undefined) return undefined;
  const as = parameters.get('as');
  const stream = parameters.get('stream') ?? '';
  if (stream !== '' && (stream !== 'watch' || format === 'yaml')) return undefined;
  const pretty = parameters.get('pretty') === '1' ? { pretty: true } : {};
  if (as === undefined) return format === 'protobuf' && !offers.protobuf ? undefined : { format, metaVersion: 'v1', ...pretty };
  const version = parameters.get('v') ?? '';
  if (parameters.get('g') !== 'meta.k8s.io' || (version !== 'v1' && version !== 'v1beta1')) return undefined;
  // Tables and partial objects are written as JSON (or YAML); whoever prefers protobuf names JSON next.
  if (format === 'protobuf') return undefined;
  const known = as === 'Table' || as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList';
  if (offers.untransformed === true && known) return { format, metaVersion: 'v1', ...pretty };
  if (as === 'Table' && offers.table) return { format, as, metaVersion: version, ...pretty };
  if (as === offers.partial && offers.partial !== undefined) return { format, as, metaVersion: version, ...pretty };
  return undefined;
}

/** Throws 406 for a header that nothing can be answered to: before anything is done. */
export const checkAccept = (header: string | undefined): void => void negotiate(header, ANYTHING);

/** How a refusal is written. Undefined: as indented JSON, since the client takes nothing that there is. */
export function refusalRepresentation(header: string | undefined): Representation | undefined {
  try {
    return negotiate(header, STATUS);
  } catch (thrown) {
    if (thrown instanceof StatusError) return undefined;
    throw thrown;
  }
}

/** Of what can be watched: YAML has no frames. */
export function negotiateStream(header: string | undefined, offers: Offers): Representation {
  const representation = negotiate(header, offers);
  if (representation.format !== 'yaml') return representation;
  const types = [CONTENT_TYPES.json, ...(offers.protobuf ? [CONTENT_TYPES.protobuf] : [])];
  throw notAcceptable(types.map((type) => `${type};stream=watch`));
}

const notAcceptable = (types: readonly string[]): StatusError =>
  new StatusError('NotAcceptable', `only the following media types are accepted: ${types.join(', ')}`);

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  json: 'application/json',
  yaml: 'application/yaml',
  protobuf: 'application/vnd.kubernetes.protobuf',
};
