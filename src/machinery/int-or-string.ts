/** A number or a text: a port by number or by name, an amount or a percentage (util.intstr.IntOrString). */
export type IntOrString = number | string;

const PERCENT = /^(\d+)%$/;

/** 25 for `25%`; undefined for anything else. */
export function parsePercent(value: IntOrString): number | undefined {
  if (typeof value === 'number') return undefined;
  const match = PERCENT.exec(value);
  return match === null ? undefined : Number(match[1]);
}

/**
 * The amount that `value` means out of `total`: itself when it is a number, the share when it is a percentage (rounded up or
 * down as told). Undefined when it is a text but no percentage.
 */
export function scaledAmount(value: IntOrString, total: number, rounding: 'up' | 'down'): number | undefined {
  if (typeof value === 'number') return value;
  const percent = parsePercent(value);
  if (percent === undefined) return undefined;
  const exact = (percent * total) / 100;
  return rounding === 'up' ? Math.ceil(exact) : Math.floor(exact);
}
