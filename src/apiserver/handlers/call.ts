import type { UserInfo } from '../../machinery/exchange.ts';
import type { Json, JsonObject } from '../../machinery/object.ts';
import type { NotedKey } from '../../schema/json-scan.ts';
import type { YamlDuplicate } from '../../schema/yaml.ts';
import type { BodyRefusal } from '../codec/body-words.ts';
import type { StoredEntry } from '../codec/projection.ts';
import type { RequestHeaders } from '../stages.ts';
import type { Binding } from '../registry/registry.ts';
import type { Shown } from '../tables/cells.ts';
import type { Query } from './query.ts';

/** One request, whichever way it came. */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly query: Query;
  readonly user: UserInfo;
  readonly userAgent: string;
  readonly headers: RequestHeaders;
  readonly body: CallBody;
  readonly signal: AbortSignal | undefined;
  readonly startedMs: number;
  /** Texts for `Warning: 299`, in order, each once. */
  readonly warnings: Warnings;
  /** Adds to the audit event of the request, if one is written. */
  readonly audit?: { annotate(key: string, value: string): void } | undefined;
}

export class Warnings {
  readonly #texts = new Set<string>();

  add(text: string): void {
    this.#texts.add(text);
  }

  get texts(): readonly string[] {
    return this.#texts.size === 0 ? NO_TEXTS : [...this.#texts];
  }
}

const NO_TEXTS: readonly string[] = [];

/** The body of a request, as the transport has it. Reading it twice gives the same. */
export interface CallBody {
  /** Without parameters, in lower case; '' when none was sent. */
  readonly contentType: string;
  /** The value that was sent, only to be read; undefined for an empty body. Throws 413, 415, and `refuse` for what can't be read. */
  read(accepted: readonly string[], refuse: BodyRefusal): Promise<ParsedBody | undefined>;
  /** What was read is so much that it is worked on in several turns of the loop. */
  readonly heavy: boolean;
  /** The bytes, for those who parse it themselves. */
  bytes(): Promise<Uint8Array>;
}

export interface ParsedBody {
  readonly value: Json;
  /** Paths of keys that stand twice in one object. Empty where that can't be. */
  readonly duplicates: readonly string[];
  /** The same in YAML, where they have no paths. */
  readonly yamlDuplicates?: readonly YamlDuplicate[];
  /** It came as YAML, where the order of keys means nothing. */
  readonly yaml?: boolean;
  /** Where something stands twice: the keys at these paths and those that stand twice, as they stand in the text. Absent for a long text. */
  readonly noted?: (unknown: readonly string[]) => readonly NotedKey[];
}

/** What a handler answers. The transport turns it into bytes or hands it over. */
export type Answer =
  | { readonly as: 'entry'; readonly code: number; readonly binding: Binding; readonly entry: StoredEntry }
  | ListAnswer
  /** `shown`: how it looks as a Table, when it can be shown as one, or by its metadata alone. */
  | { readonly as: 'object'; readonly code: number; readonly body: JsonObject; readonly shown?: Shown | undefined };

export interface ListAnswer {
  readonly as: 'list';
  readonly binding: Binding;
  readonly entries: readonly StoredEntry[];
  readonly resourceVersion: string;
  readonly continueToken: string;
  readonly remaining: number | undefined;
}
