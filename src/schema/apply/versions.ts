import type { JsonObject } from '../../machinery/object.ts';
import { badRequest } from '../../machinery/status-error.ts';
import { decode } from '../decode.ts';
import type { Facts } from '../facts.ts';
import { type Comparison, compare, exclude } from './compare.ts';
import { type FieldSet, type PathPattern, recursiveDifference, selected } from './field-set.ts';
import { type Ground, groundOf } from './ownership.ts';

/** Another version of the kind, with fields of other names. */
export interface OtherVersion {
  /** The schema's name: `autoscaling.v1.HorizontalPodAutoscaler`. */
  readonly typeName: string;
  /** From the version of the request. */
  readonly to: (object: JsonObject) => JsonObject;
  /** To the version of the request. */
  readonly back: (object: JsonObject) => JsonObject;
}

/** By apiVersion. `same`: fields are named as in the request. Undefined: nobody serves it, and who wrote in it is forgotten. */
export type VersionLookup = (apiVersion: string) => OtherVersion | 'same' | undefined;

/** An object as one version reads it. */
export interface Reading {
  readonly ground: Ground;
  readonly to: (object: JsonObject) => JsonObject;
  readonly back: (object: JsonObject) => JsonObject;
}

const unchanged = (object: JsonObject): JsonObject => object;

/** The versions in which the managers of one object name its fields. Those that name them alike share one reading. */
export class Readings {
  readonly own: Reading;
  readonly #facts: Facts;
  readonly #apiVersion: string;
  readonly #lookup: VersionLookup | undefined;
  readonly #others = new Map<string, Reading | undefined>();

  constructor(facts: Facts, typeName: string, apiVersion: string, lookup: VersionLookup | undefined) {
    this.own = { ground: groundOf(facts, typeName), to: unchanged, back: unchanged };
    this.#facts = facts;
    this.#apiVersion = apiVersion;
    this.#lookup = lookup;
  }

  of(apiVersion: string): Reading | undefined {
    if (apiVersion === this.#apiVersion || this.#lookup === undefined) return this.own;
    if (!this.#others.has(apiVersion)) this.#others.set(apiVersion, this.#make(this.#lookup(apiVersion)));
    return this.#others.get(apiVersion);
  }

  #make(version: OtherVersion | 'same' | undefined): Reading | undefined {
    if (version === 'same') return this.own;
    if (version === undefined) return undefined;
    const { typeName, to, back } = version;
    return {
      ground: groundOf(this.#facts, typeName),
      to: (object) => this.#stored(typeName, to(object)),
      back: (object) => this.#stored(this.own.ground.typeName, back(object)),
    };
  }

  /** Converters leave nulls and gaps: fields are compared in their stored form. */
  #stored(typeName: string, object: JsonObject): JsonObject {
    const decoded = decode(this.#facts, typeName, object);
    if (decoded.fault !== undefined) throw badRequest(decoded.fault);
    return decoded.object;
  }
}

/** Which fields a path writes. */
export interface Scope {
  /** What it resets, whatever the body says. */
  readonly ignored: FieldSet;
  /** All that it writes; absent: everything else. */
  readonly only?: readonly PathPattern[] | undefined;
}

function inScope(comparison: Comparison, { ignored, only }: Scope): Comparison {
  const { added, removed, modified } = exclude(comparison, ignored);
  if (only === undefined) return { added, removed, modified };
  return { added: selected(added, only), removed: selected(removed, only), modified: selected(modified, only) };
}

/** Of a set that somebody would own. */
export function ownable(set: FieldSet, { ignored, only }: Scope): FieldSet {
  const own = recursiveDifference(set, ignored);
  return only === undefined ? own : selected(own, only);
}

/** What a write changes, as each version reads it. */
export class Changes {
  readonly #readings: Readings;
  readonly #from: JsonObject;
  readonly #to: JsonObject;
  readonly #sent: JsonObject;
  readonly #scope: Scope;
  readonly #known = new Map<Reading, Comparison>();
  #whole: Comparison | undefined;

  /**
   * Both objects in the version of the request; what the path does not write does not count. `sent`: the second before it is decoded, when
   * its spelling counts in the version of the request.
   */
  constructor(readings: Readings, from: JsonObject, to: JsonObject, scope: Scope, sent: JsonObject = to) {
    this.#readings = readings;
    this.#from = from;
    this.#to = to;
    this.#sent = sent;
    this.#scope = scope;
  }

  get own(): Comparison {
    return this.#in(this.#readings.own);
  }

  /** In the version of the request, with what the path does not write. */
  get whole(): Comparison {
    this.#whole ??= compare(this.#readings.own.ground.atom, this.#from, this.#sent);
    return this.#whole;
  }

  /** Undefined for a version that is not served. */
  of(apiVersion: string): Comparison | undefined {
    const reading = this.#readings.of(apiVersion);
    return reading === undefined ? undefined : this.#in(reading);
  }

  #in(reading: Reading): Comparison {
    let known = this.#known.get(reading);
    if (known === undefined) {
      const all = reading === this.#readings.own ? this.whole : compare(reading.ground.atom, reading.to(this.#from), reading.to(this.#to));
      known = inScope(all, this.#scope);
      this.#known.set(reading, known);
    }
    return known;
  }
}
