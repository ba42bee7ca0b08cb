/** Indexes of a job as its status and policies write them: `0,3-5`. */

interface Interval {
  readonly first: number;
  readonly last: number;
}

/** How many indexes the text names, or what is wrong with it. `completions`: one more than the highest index. */
export function countIndexes(text: string, completions: number): number | string {
  let last: number | undefined;
  let total = 0;
  for (const part of text === '' ? [] : text.split(',')) {
    const interval = parseInterval(part, completions);
    if (typeof interval === 'string') return interval;
    if (last !== undefined && last >= interval.first) return `non-increasing order, previous: ${last}, current: ${interval.first}`;
    total += interval.last - interval.first + 1;
    ({ last } = interval);
  }
  return total;
}

function parseInterval(text: string, completions: number): Interval | string {
  const parts = text.split('-');
  if (parts.length > 2)
    return `the fragment ${JSON.stringify(text)} violates the requirement that an index interval can have at most two parts separated by '-'`;
  const numbers: number[] = [];
  for (const part of parts) {
    if (!/^[+-]?\d+$/.test(part)) return `cannot convert string to integer for index: ${JSON.stringify(part)}`;
    if (Number(part) >= completions) return `too large index: ${JSON.stringify(part)}`;
    numbers.push(Number(part));
  }
  const [first = 0, last = first] = numbers;
  return numbers.length === 2 && first >= last ? `non-increasing order, previous: ${first}, current: ${last}` : { first, last };
}

/** The first index that both texts name; undefined when there is none. Parts that can't be read are passed over. */
export function commonIndex(a: string, b: string, completions: number): number | undefined {
  const [left, right] = [a, b].map((text) =>
    text
      .split(',')
      .map((part) => parseInterval(part, completions))
      .filter((interval) => typeof interval !== 'string'),
  );
  for (let i = 0, j = 0; i < (left?.length ?? 0) && j < (right?.length ?? 0); ) {
    const [x, y] = [left?.[i], right?.[j]];
    if (x === undefined || y === undefined) return undefined;
    if (x.first <= y.last && y.first <= x.last) return Math.max(x.first, y.first);
    if (x.first <= y.first) i++;
    else j++;
  }
  return undefined;
}
