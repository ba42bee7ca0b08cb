import { dealHand } from './shuffle-shard.ts';

/** Why a request is turned away, in the words of `apiserver_flowcontrol_rejected_requests_total`. */
export type Rejection = 'queue-full' | 'concurrency-limit' | 'time-out' | 'cancelled';

export interface LevelSettings {
  /** Nobody waits, nothing is counted against others. */
  readonly exempt: boolean;
  /** Its own part of all seats. */
  readonly nominalSeats: number;
  /** How many of those it lends while it does not need them. */
  readonly lendableSeats: number;
  /** How many it may borrow at most. */
  readonly borrowableSeats: number;
  /** Absent: who finds no seat is turned away. */
  readonly queuing: { readonly queues: number; readonly handSize: number; readonly queueLengthLimit: number } | undefined;
  /** What one request takes at most. */
  readonly seatsOfOne: number;
}

/** A request that waits for a seat, or has one. */
export interface Place {
  /** Of the flow: what is dealt a hand of queues. */
  readonly flow: string;
  /** What it is worth: long lists take several. At most `seatsOfOne` are counted. */
  readonly seats: number;
  /** Told once: the seat is there, or why not. */
  readonly decided: (rejection: Rejection | undefined) => void;
  queue: Queue | undefined;
}

/** What stands in a queue now. Seats and work: of those that wait. */
export interface QueueState {
  readonly waiting: number;
  readonly executing: number;
  readonly seatsInUse: number;
  readonly servedMs: number;
  readonly waitingSeats: number;
  readonly workMs: number;
}

interface Queue {
  readonly waiting: Place[];
  /** How much service it has had, in milliseconds of seats; the least served is next. */
  served: number;
  seated: number;
}

/** A guess, put right when the request has ended. */
const GUESSED_MS = 1;
/** Nothing is free, whatever the clock says. */
const LEAST_MS = 0.05;

/** One priority level: seats, and queues that take turns at them by how long their requests have taken. */
export class Level {
  readonly name: string;
  #settings: LevelSettings;
  /** What each of those that sit has taken: the settings may change meanwhile. */
  readonly #seats = new Map<Place, number>();
  #queues: Queue[] = [];
  #seated = 0;
  #executing = 0;
  #waiting = 0;
  /** Where a queue that was idle comes in: it has no claim on the past. */
  #served = 0;

  constructor(name: string, settings: LevelSettings) {
    this.name = name;
    this.#settings = settings;
    this.#layQueues();
  }

  get settings(): LevelSettings {
    return this.#settings;
  }

  get seated(): number {
    return this.#seated;
  }

  /** Requests, of which some have several seats. */
  get executing(): number {
    return this.#executing;
  }

  get waiting(): number {
    return this.#waiting;
  }

  get queues(): readonly QueueState[] {
    const inUse = new Map<Queue, number>();
    for (const [{ queue }, seats] of this.#seats) if (queue !== undefined) inUse.set(queue, (inUse.get(queue) ?? 0) + seats);
    return this.#queues.map((queue) => {
      const waitingSeats = queue.waiting.reduce((sum, place) => sum + this.#seatsOf(place), 0);
      const { waiting, seated, served } = queue;
      const seatsInUse = inUse.get(queue) ?? 0;
      return { waiting: waiting.length, executing: seated, seatsInUse, servedMs: served, waitingSeats, workMs: waitingSeats * GUESSED_MS };
    });
  }

  /** Those that are worked on, then those that wait. -1: it came to its turn without a queue, or waits no longer. */
  get places(): readonly { readonly place: Place; readonly queue: number; readonly at: number }[] {
    const indexOf = new Map(this.#queues.map((queue, index) => [queue, index] as const));
    const seated = [...this.#seats.keys()].map((place) => ({ place, queue: (place.queue && indexOf.get(place.queue)) ?? -1, at: -1 }));
    return [...seated, ...this.#queues.flatMap(({ waiting }, queue) => waiting.map((place, at) => ({ place, queue, at })))];
  }

  /** Seats that others may use now. */
  get lendable(): number {
    const { exempt, nominalSeats, lendableSeats } = this.#settings;
    return exempt ? 0 : Math.max(0, Math.min(lendableSeats, nominalSeats - this.#seated - this.#waiting));
  }

  get borrowed(): number {
    return this.#settings.exempt ? 0 : Math.max(0, this.#seated - this.#settings.nominalSeats);
  }

  /** Those who wait keep their order; a level without queues turns them away. */
  change(settings: LevelSettings): void {
    const before = this.#settings.queuing;
    this.#settings = settings;
    const now = settings.queuing;
    if (before?.queues === now?.queues && before?.handSize === now?.handSize && !settings.exempt) return;
    const waiting = this.#queues.flatMap((queue) => queue.waiting);
    this.#waiting = 0;
    this.#layQueues();
    for (const place of waiting) {
      place.queue = undefined;
      const rejection = settings.exempt ? undefined : this.#enqueue(place);
      if (settings.exempt) this.#seat(place);
      else if (rejection !== undefined) place.decided(rejection);
    }
  }

  /** Takes its seats if they are there and nobody waits. `free`: whether so many may be borrowed. */
  take(place: Place, free: (seats: number) => boolean): boolean {
    if (!this.#settings.exempt && (this.#waiting > 0 || !this.#hasSeats(place, free))) return false;
    this.#occupy(place);
    return true;
  }

  /** Seats. */
  takenBy(place: Place): number {
    return this.#seats.get(place) ?? 0;
  }

  /** Puts it in the shortest queue of its hand; the reason when there is no room. */
  wait(place: Place): Rejection | undefined {
    return this.#enqueue(place);
  }

  /** Whoever waits no longer. False when it has been decided. */
  giveUp(place: Place): boolean {
    const at = place.queue?.waiting.indexOf(place) ?? -1;
    if (at === -1) return false;
    place.queue?.waiting.splice(at, 1);
    this.#waiting--;
    return true;
  }

  leave(place: Place, tookMs: number): void {
    const seats = this.#seats.get(place) ?? 0;
    this.#seats.delete(place);
    this.#seated -= seats;
    this.#executing--;
    const queue = place.queue;
    if (queue === undefined) return;
    queue.seated--;
    queue.served += (Math.max(tookMs, LEAST_MS) - GUESSED_MS) * seats;
  }

  /** Seats whoever is next, as long as there are seats. Who needs several is waited for: else smaller ones would always come first. */
  seatNext(free: (seats: number) => boolean): void {
    while (this.#waiting > 0) {
      const queue = this.#leastServed();
      const [place] = queue?.waiting ?? [];
      if (queue === undefined || place === undefined || !this.#hasSeats(place, free)) return;
      queue.waiting.shift();
      this.#waiting--;
      this.#served = queue.served;
      queue.served += GUESSED_MS * this.#seatsOf(place);
      queue.seated++;
      this.#seat(place);
    }
  }

  #seat(place: Place): void {
    this.#occupy(place);
    place.decided(undefined);
  }

  #occupy(place: Place): void {
    const seats = this.#seatsOf(place);
    this.#seats.set(place, seats);
    this.#seated += seats;
    this.#executing++;
  }

  #seatsOf({ seats }: Place): number {
    return Math.max(1, Math.min(seats, this.#settings.seatsOfOne));
  }

  /** Where nobody sits there is room for whoever comes. */
  #hasSeats(place: Place, free: (seats: number) => boolean): boolean {
    const { exempt, nominalSeats, borrowableSeats } = this.#settings;
    if (exempt || this.#seated === 0) return true;
    const seats = this.#seatsOf(place);
    const borrowed = this.#seated + seats - nominalSeats;
    return borrowed <= 0 || (borrowed <= borrowableSeats && free(Math.min(seats, borrowed)));
  }

  #enqueue(place: Place): Rejection | undefined {
    const { queuing } = this.#settings;
    if (queuing === undefined) return 'concurrency-limit';
    let best: Queue | undefined;
    for (const at of dealHand(place.flow, queuing.queues, queuing.handSize)) {
      const queue = this.#queues[at];
      if (queue !== undefined && (best === undefined || lengthOf(queue) < lengthOf(best))) best = queue;
    }
    if (best === undefined || best.waiting.length >= queuing.queueLengthLimit) return 'queue-full';
    if (best.waiting.length === 0 && best.seated === 0) best.served = Math.max(best.served, this.#served);
    best.waiting.push(place);
    place.queue = best;
    this.#waiting++;
    return undefined;
  }

  #leastServed(): Queue | undefined {
    let best: Queue | undefined;
    for (const queue of this.#queues) if (queue.waiting.length > 0 && (best === undefined || queue.served < best.served)) best = queue;
    return best;
  }

  #layQueues(): void {
    const count = this.#settings.exempt ? 0 : (this.#settings.queuing?.queues ?? 0);
    this.#queues = Array.from({ length: count }, () => ({ waiting: [], served: this.#served, seated: 0 }));
  }
}

const lengthOf = ({ waiting, seated }: Queue): number => waiting.length + seated;
