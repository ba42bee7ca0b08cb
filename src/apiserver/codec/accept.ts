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
  /** What its metadata alone can be shown of; 'as it is': a Status, whatever it is asked for as. Undefined: nothing is turned into anything. */
  readonly partial: PartialOffer | 'as it is' | undefined;
}

/** Only a list has a list of metadata. `goType`: how a refusal names what it is. */
export interface PartialOffer {
  readonly list: boolean;
  readonly goType: string;
}

/** For what is not known yet. */
const ANYTHING: Offers = { protobuf: true, table: true, partial: 'as it is' };
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

/** Of an Accept header what can be written, in the order of preference. */
export function* preferences(header: string): Generator<{ readonly format: Format; readonly parameters: ReadonlyMap<string, string> }> {
  for (const { type, parameters } of parseAccept(header)) {
    const format = Object.hasOwn(FORMATS, type) ? FORMATS[type] : undefined;
    if (format !== undefined) yield { format, parameters };
  }
}

/** The first of the types, by the order of the header, then by their own; none is asked for: the first. Undefined: 406. */
export function negotiateType<T extends string>(header: string, types: readonly T[]): T | undefined {
  for (const { type } of parseAccept(header === '' ? '*/*' : header)) {
    const [main = '', sub = ''] = type.split('/');
    const met = types.find(
      (each) => type === each || type === '*/*' || (sub === '*' && each.startsWith(`${main}/`)) || (main === '*' && each.endsWith(`/${sub}`)),
    );
    if (met !== undefined) return met;
  }
  return undefined;
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
  throw notAcceptable([CONTENT_TYPES.json, CONTENT_TYPES.yaml, CONTENT_TYPES.protobuf]);
}

function meet({ type, parameters }: Clause, offers: Offers): Representation | undefined {
  const format = Object.hasOwn(FORMATS, type) ? FORMATS[type] : undefined;
  if (format === undefined) return undefined;
  const stream = parameters.get('stream') ?? '';
  if (stream !== '' && (stream !== 'watch' || format === 'yaml')) return undefined;
  const pretty = parameters.get('pretty') === '1' ? { pretty: true } : {};
  const server = parameters.get('sv') ?? '';
  if (server !== '' && server !== 'v1') return undefined;
  if (!TRANSFORM.some((name) => parameters.has(name))) return format === 'protobuf' && !offers.protobuf ? undefined : { format, metaVersion: 'v1', ...pretty };
  const as = parameters.get('as') ?? '';
  const version = parameters.get('v') ?? '';
  const { partial, table } = offers;
  if (parameters.get('g') !== 'meta.k8s.io' || (version !== 'v1' && version !== 'v1beta1') || partial === undefined) return undefined;
  // Cells hold anything: a Table is no message.
  if (as === 'Table' && (format === 'protobuf' || !table)) return undefined;
  if (as !== 'Table' && as !== 'PartialObjectMetadata' && as !== 'PartialObjectMetadataList') return undefined;
  if (partial === 'as it is') return { format, metaVersion: 'v1', ...pretty };
  if (as !== 'Table' && partial.list !== (as === 'PartialObjectMetadataList')) throw new StatusError('NotAcceptable', noSuchPartial(partial));
  return { format, as, metaVersion: version, ...pretty };
}

/** One of them is enough to ask for another form. */
const TRANSFORM = ['as', 'g', 'v'];

function noSuchPartial({ list, goType }: PartialOffer): string {
  return list
    ? `you requested PartialObjectMetadata, but the requested object is a list (${goType})`
    : `you requested PartialObjectMetadataList, but the requested object is not a list (${goType})`;
}

/** Throws 406 for a header that nothing can be answered to: before anything is done. */
export const checkAccept = (header: string | undefined): void => void negotiate(header, ANYTHING);

/** Of what is shown as it is and in no other form. Throws 406. */
export const negotiatePlain = (header: string | undefined): Representation => negotiate(header, STATUS);

/** How a refusal is written. Undefined: as indented JSON, since the client takes nothing that there is. */
export function refusalRepresentation(header: string | undefined): Representation | undefined {
  try {
    return negotiatePlain(header);
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
