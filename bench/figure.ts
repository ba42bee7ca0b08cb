/** One figure is one line of JSON: what, how much, its floor in the same run and how many times the floor it is. */
export interface Figure {
  readonly figure: string;
  readonly value: number;
  readonly unit: string;
  /** The same work done as barely as can be, in this run. */
  readonly floor?: number;
  readonly floorIs?: string;
  /** value / floor. For rates 1 is the best, for times too. */
  readonly ratio?: number;
  readonly [more: string]: string | number | undefined;
}

export const round = (value: number): number => Number(value.toPrecision(3));

export function say(figure: string, value: number, unit: string, more: Readonly<Record<string, string | number>> = {}): void {
  console.log(JSON.stringify({ figure, value: round(value), unit, ...more } satisfies Figure));
}

export function against(
  figure: string,
  value: number,
  unit: string,
  floor: number,
  floorIs: string,
  more: Readonly<Record<string, string | number>> = {},
): void {
  say(figure, value, unit, { floor: round(floor), floorIs, ratio: round(value / floor), ...more });
}

/** Of the values, in any order. NaN when there are none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}
