import { flowSchemas, priorityLevelConfigurations } from '../../api/gen/resources.ts';
import { MANDATORY } from '../../api/flowcontrol/mandatory.ts';
import type { FlowSchema, PriorityLevelConfiguration } from '../../api/gen/types/flowcontrol.v1.ts';
import type { Clock } from '../../base/clock.ts';
import { defined } from '../../base/assert.ts';
import type { UserInfo } from '../../machinery/exchange.ts';
import { StatusError } from '../../machinery/status-error.ts';
import type { AuthorizeAttributes, StoredReader } from '../stages.ts';
import { storedList } from '../stored.ts';
import { distinguisherOf, inMatchingOrder, type SchemaMatch, schemaMatch } from './classify.ts';
import { defaultFlowSchemas, defaultPriorityLevels } from './defaults.ts';
import { Level, type LevelSettings, type Place, type QueueState, type Rejection } from './level.ts';
import { FlowTimes, type SchemaTimes } from './times.ts';

/** A request's turn. */
export interface Turn {
  /** For the answer: pairs of name and value that say how it was classified. */
  readonly headers: readonly string[];
  /** Undefined: at once. Rejects with 429 when there is neither a seat nor room to wait, or the wait was too long. */
  readonly seated: Promise<void> | undefined;
  /** Gives the seat back, or gives up waiting for it. Once. */
  end(): void;
}

/** Priority and fairness: who may be worked on now, by FlowSchemas and PriorityLevelConfigurations. */
export interface FairShare extends Disposable {
  /** `seats`: what the request is worth (`width.ts`); one when absent. */
  begin(user: UserInfo, attributes: AuthorizeAttributes, seats?: number): Turn;
  readonly figures: FairShareFigures;
  readonly times: FlowTimes;
  /** Every level with what it is about now. */
  readonly state: () => readonly LevelState[];
}

export interface LevelState {
  readonly name: string;
  /** Nothing is left to it but what it is about. */
  readonly quiescing: boolean;
  readonly waiting: number;
  readonly executing: number;
  readonly dispatched: number;
  readonly rejected: Readonly<Partial<Record<Rejection, number>>>;
  readonly queues: readonly QueueState[];
  readonly requests: readonly RequestState[];
}

/** Wall times. `queue`, `place`: -1 where it has none. */
export interface RequestState {
  readonly schema: string;
  readonly queue: number;
  readonly place: number;
  readonly distinguisher: string;
  readonly arrivedMs: number;
  readonly startedMs: number | undefined;
  readonly seats: number;
  readonly user: UserInfo;
  readonly attributes: AuthorizeAttributes;
}

export interface FairShareFigures {
  readonly levels: () => readonly {
    readonly name: string;
    readonly nominalSeats: number;
    readonly seated: number;
    readonly executing: number;
    readonly waiting: number;
  }[];
  readonly schemas: () => readonly {
    readonly name: string;
    readonly level: string;
    readonly seated: number;
    readonly executing: number;
    readonly waiting: number;
    readonly dispatched: number;
    readonly rejected: ReadonlyMap<Rejection, number>;
  }[];
}

export interface FairShareOptions {
  readonly reader: StoredReader;
  readonly clock: Clock;
  /** Requests that are worked on at a time, over all levels that are not exempt. */
  readonly seats: number;
  /** Who waits longer is turned away. */
  readonly maxWaitMs: number;
}

interface Schema {
  readonly name: string;
  readonly matches: SchemaMatch;
  readonly distinguisher: (user: UserInfo, attributes: AuthorizeAttributes) => string;
  readonly level: Level;
  readonly headers: readonly string[];
  readonly counts: Counts;
  readonly times: SchemaTimes;
}

interface Counts {
  /** Seats that are taken now. */
  seated: number;
  executing: number;
  waiting: number;
  dispatched: number;
  readonly rejected: Map<Rejection, number>;
}

/** Follows the objects; until they exist, the mandatory ones count. */
export function fairShare(options: FairShareOptions): FairShare {
  return new Sharing(options);
}

class Sharing implements FairShare {
  readonly #options: FairShareOptions;
  readonly times = new FlowTimes();
  readonly #levels = new Map<string, Level>();
  /** Levels that are no longer there, but still have requests. */
  #quiescing: ReadonlySet<string> = new Set();
  readonly #counts = new Map<string, Counts>();
  readonly #watches: readonly Disposable[];
  #schemas: readonly Schema[] = [];
  #stale = true;
  readonly #free = (seats: number): boolean => this.#mayBorrow(seats);

  constructor(options: FairShareOptions) {
    this.#options = options;
    const changed = (): void => {
      this.#stale = true;
    };
    this.#watches = [flowSchemas, priorityLevelConfigurations].map(({ group, resource }) => options.reader.watch(group, resource, changed));
  }

  [Symbol.dispose](): void {
    for (const watch of this.#watches) watch[Symbol.dispose]();
  }

  begin(user: UserInfo, attributes: AuthorizeAttributes, seats = 1): Turn {
    if (this.#stale) this.#configure();
    const schema = this.#classify(user, attributes);
    const turn = new SharedTurn(schema, { user, attributes }, seats, this.#options.clock, this.#seatNext);
    const { level } = schema;
    if (level.take(turn, this.#free)) {
      turn.sat();
      return turn;
    }
    const rejection = level.wait(turn);
    if (rejection === undefined) turn.wait(this.#options.maxWaitMs);
    else turn.refuse(rejection);
    return turn;
  }

  get figures(): FairShareFigures {
    return {
      levels: () =>
        [...this.#levels.values()].map((level) => ({
          name: level.name,
          nominalSeats: level.settings.nominalSeats,
          seated: level.seated,
          executing: level.executing,
          waiting: level.waiting,
        })),
      schemas: () => this.#schemas.map(({ name, level, counts }) => ({ name, level: level.name, ...counts })),
    };
  }

  readonly state = (): readonly LevelState[] => {
    const { clock } = this.#options;
    const offsetMs = clock.now() - clock.monotonic();
    return [...this.#levels.values()].map((level) => {
      const { name, waiting, executing, queues } = level;
      const own = this.#schemas.filter((schema) => schema.level === level);
      const rejected: Partial<Record<Rejection, number>> = {};
      for (const { counts } of own) for (const [reason, count] of counts.rejected) rejected[reason] = (rejected[reason] ?? 0) + count;
      const dispatched = own.reduce((sum, { counts }) => sum + counts.dispatched, 0);
      const requests = level.places.flatMap(({ place, queue, at }) => (place instanceof SharedTurn ? [{ ...place.state(offsetMs), queue, place: at }] : []));
      return { name, quiescing: this.#quiescing.has(name), waiting, executing, dispatched, rejected, queues, requests };
    });
  };

  #classify(user: UserInfo, attributes: AuthorizeAttributes): Schema {
    for (const schema of this.#schemas) if (schema.matches(user, attributes)) return schema;
    return defined(this.#schemas.at(-1), 'the mandatory flow schemas are always there');
  }

  /** The level of the seat first, then those that may now borrow it. */
  readonly #seatNext = (level: Level): void => {
    level.seatNext(this.#free);
    for (const other of this.#levels.values()) if (other !== level && other.waiting > 0) other.seatNext(this.#free);
  };

  #mayBorrow(seats: number): boolean {
    let spare = 0;
    for (const level of this.#levels.values()) spare += level.lendable - level.borrowed;
    return spare >= seats;
  }

  #configure(): void {
    this.#stale = false;
    const { reader, seats } = this.#options;
    const levels = withMandatory(storedList(reader, priorityLevelConfigurations), defaultPriorityLevels);
    const settings = levelSettings(levels, seats);
    for (const [name, level] of this.#levels) if (!settings.has(name) && level.seated === 0 && level.waiting === 0) this.#levels.delete(name);
    for (const [name, each] of settings) {
      const level = this.#levels.get(name);
      if (level === undefined) this.#levels.set(name, new Level(name, each));
      else level.change(each);
    }
    this.#quiescing = new Set([...this.#levels.keys()].filter((name) => !settings.has(name)));
    const uids = new Map(levels.map(({ metadata }) => [metadata?.name ?? '', metadata?.uid ?? '']));
    this.#schemas = inMatchingOrder(withMandatory(storedList(reader, flowSchemas), defaultFlowSchemas)).flatMap((schema) => this.#schemaOf(schema, uids));
    for (const level of this.#levels.values()) level.seatNext(this.#free);
  }

  /** None for a schema whose level does not exist: its requests go on to the next. */
  #schemaOf(schema: FlowSchema, uids: ReadonlyMap<string, string>): readonly Schema[] {
    const name = schema.metadata?.name ?? '';
    const levelName = schema.spec?.priorityLevelConfiguration.name ?? '';
    const level = uids.has(levelName) ? this.#levels.get(levelName) : undefined;
    if (level === undefined) return [];
    let counts = this.#counts.get(name);
    if (counts === undefined) {
      counts = { seated: 0, executing: 0, waiting: 0, dispatched: 0, rejected: new Map() };
      this.#counts.set(name, counts);
    }
    const headers = ['X-Kubernetes-PF-FlowSchema-UID', schema.metadata?.uid ?? '', 'X-Kubernetes-PF-PriorityLevel-UID', uids.get(levelName) ?? ''];
    return [{ name, matches: schemaMatch(schema), distinguisher: distinguisherOf(schema), level, headers, counts, times: this.times.of(name, levelName) }];
  }
}

interface About {
  readonly user: UserInfo;
  readonly attributes: AuthorizeAttributes;
}

class SharedTurn implements Turn, Place {
  readonly flow: string;
  readonly #about: About;
  readonly seats: number;
  queue: Place['queue'];
  seated: Promise<void> | undefined;
  readonly #schema: Schema;
  readonly #clock: Clock;
  readonly #left: (level: Level) => void;
  #decide: ((rejection: Rejection | undefined) => void) | undefined;
  #beganMs: number;
  readonly #arrivedMs: number;
  #state: 'waiting' | 'seated' | 'ended' = 'seated';
  /** Those that it has, for the figures. */
  #taken = 0;

  constructor(schema: Schema, about: About, seats: number, clock: Clock, left: (level: Level) => void) {
    this.#schema = schema;
    this.#about = about;
    this.flow = `${schema.name}/${schema.distinguisher(about.user, about.attributes)}`;
    this.seats = seats;
    this.#clock = clock;
    this.#left = left;
    this.#beganMs = clock.monotonic();
    this.#arrivedMs = this.#beganMs;
  }

  state(offsetMs: number): Omit<RequestState, 'queue' | 'place'> {
    const { name } = this.#schema;
    const startedMs = this.#state === 'waiting' ? undefined : this.#beganMs + offsetMs;
    return {
      schema: name,
      distinguisher: this.flow.slice(name.length + 1),
      arrivedMs: this.#arrivedMs + offsetMs,
      startedMs,
      seats: this.seats,
      ...this.#about,
    };
  }

  get headers(): readonly string[] {
    return this.#schema.headers;
  }

  sat(): void {
    const { counts, level, times } = this.#schema;
    times.worked.observe((this.#beganMs - this.#arrivedMs) / 1000);
    this.#taken = level.takenBy(this);
    counts.seated += this.#taken;
    counts.executing++;
  }

  wait(maxWaitMs: number): void {
    this.#state = 'waiting';
    this.#schema.counts.waiting++;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = this.#clock.setTimer(maxWaitMs, () => {
      if (this.#schema.level.giveUp(this)) this.decided('time-out');
    });
    this.#decide = (rejection) => {
      timer[Symbol.dispose]();
      if (rejection === undefined) resolve();
      else reject(this.#refused(rejection));
    };
    this.seated = promise;
  }

  decided(rejection: Rejection | undefined): void {
    if (this.#state !== 'waiting') return;
    this.#schema.counts.waiting--;
    this.#state = rejection === undefined ? 'seated' : 'ended';
    this.#beganMs = this.#clock.monotonic();
    if (rejection === undefined) this.sat();
    this.#decide?.(rejection);
  }

  refuse(rejection: Rejection): void {
    this.#state = 'ended';
    this.seated = Promise.reject(this.#refused(rejection));
  }

  #refused(rejection: Rejection): StatusError {
    const { counts, times } = this.#schema;
    const { rejected } = counts;
    times.turnedAway.observe((this.#beganMs - this.#arrivedMs) / 1000);
    rejected.set(rejection, (rejected.get(rejection) ?? 0) + 1);
    return new StatusError('TooManyRequests', 'Too many requests, please try again later.', { details: { retryAfterSeconds: 1 } });
  }

  end(): void {
    const { level, counts, times } = this.#schema;
    if (this.#state === 'waiting' && level.giveUp(this)) return this.decided('cancelled');
    if (this.#state !== 'seated') return;
    this.#state = 'ended';
    counts.dispatched++;
    counts.seated -= this.#taken;
    counts.executing--;
    const tookMs = this.#clock.monotonic() - this.#beganMs;
    times[this.#about.attributes.verb === 'watch' ? 'watches' : 'regular'].observe(tookMs / 1000);
    level.leave(this, tookMs);
    this.#left(level);
  }
}

/** What is stored, and what must be there even if it is not (yet), with the specification that it always has. */
function withMandatory<T extends FlowSchema | PriorityLevelConfiguration>(stored: readonly T[], defaults: readonly T[]): readonly T[] {
  const names = new Set(stored.map(({ metadata }) => metadata?.name));
  return [...stored, ...defaults.filter(({ metadata }) => MANDATORY.has(metadata?.name ?? '') && !names.has(metadata?.name))];
}

/** Each level's part of the seats, by its shares. A level without shares still has one seat. */
export function levelSettings(levels: readonly PriorityLevelConfiguration[], seats: number): ReadonlyMap<string, LevelSettings> {
  const shares = ({ spec }: PriorityLevelConfiguration): number =>
    spec?.limited?.nominalConcurrencyShares ?? (spec?.type === 'Exempt' ? (spec.exempt?.nominalConcurrencyShares ?? 0) : 30);
  const all = levels.reduce((sum, level) => sum + shares(level), 0);
  const found = new Map<string, LevelSettings>();
  for (const level of levels) {
    const { spec } = level;
    const exempt = spec?.type === 'Exempt';
    const nominalSeats = exempt ? 0 : Math.max(1, Math.ceil((seats * shares(level)) / Math.max(1, all)));
    const limited = spec?.limited;
    const queues = limited?.limitResponse?.type === 'Queue';
    const queuing = queues ? limited.limitResponse?.queuing : undefined;
    found.set(level.metadata?.name ?? '', {
      exempt,
      nominalSeats,
      lendableSeats: Math.round((nominalSeats * (limited?.lendablePercent ?? 0)) / 100),
      borrowableSeats: limited?.borrowingLimitPercent === undefined ? seats : Math.round((nominalSeats * limited.borrowingLimitPercent) / 100),
      queuing: queues ? { queues: queuing?.queues ?? 64, handSize: queuing?.handSize ?? 8, queueLengthLimit: queuing?.queueLengthLimit ?? 50 } : undefined,
      // Upstream's: 15 %, and so few that one flow's hand of queues can't hold them all. Without queues there is no such bound.
      seatsOfOne: queues
        ? Math.max(1, Math.min(Math.ceil(nominalSeats * 0.15), Math.floor(nominalSeats / (queuing?.handSize ?? 8))))
        : Number.POSITIVE_INFINITY,
    });
  }
  return found;
}
