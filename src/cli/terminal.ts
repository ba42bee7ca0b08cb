import { Option } from 'commander';
import { defaultConfig } from '../cluster/config.ts';
import { hostname } from 'node:os';
import { resolve } from 'node:path';

export const isRoot = (): boolean => process.getuid?.() === 0;

export const environment = (): { readonly root: boolean; readonly hostname: string } => ({ root: isRoot(), hostname: hostname() });

export function dataDirectoryOf(option: string | undefined): string {
  return option === undefined ? defaultConfig(environment()).dataDirectory : resolve(option);
}

/** `-o`: anything else is refused. */
export const outputOption = (): Option => new Option('-o, --output <FORMAT>', 'text or json').choices(['text', 'json']).default('text');

/** One clear line for what the user can mend; the stack only when asked for. */
export function fail(thrown: unknown): void {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  process.stderr.write(`berth: ${message}\n`);
  if (process.env.BERTH_DEBUG !== undefined && thrown instanceof Error) process.stderr.write(`${thrown.stack}\n`);
  process.exitCode = 1;
}

/** Colours only on a terminal that wants them (no-color.org). */
export function paints(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && (process.env.NO_COLOR ?? '') === '' && process.env.TERM !== 'dumb';
}

export const bold = (text: string): string => (paints(process.stdout) ? `\u001b[1m${text}\u001b[0m` : text);
export const faint = (text: string): string => (paints(process.stdout) ? `\u001b[2m${text}\u001b[0m` : text);

/** Rows as kubectl prints them: columns three spaces apart. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  for (const row of rows)
    process.stdout.write(`${row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd((widths[column] ?? 0) + 3))).join('')}\n`);
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}
