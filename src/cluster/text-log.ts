import type { Clock } from '../base/clock.ts';
import type { Log, LogFields } from '../base/log.ts';

export type Level = 'debug' | 'info' | 'warn' | 'error';

const RANK: Readonly<Record<Level, number>> = { debug: 0, info: 1, warn: 2, error: 3 };
const COLOURS: Readonly<Record<Level, string>> = { debug: '\u001b[2m', info: '', warn: '\u001b[33m', error: '\u001b[31m' };

export interface TextLogOptions {
  readonly clock: Clock;
  readonly level: Level;
  /** For people, or one JSON object a line. */
  readonly format: 'text' | 'json';
  readonly colours: boolean;
  readonly write: (line: string) => void;
}

/** A log that people read in a terminal, or machines line by line. */
export function createLog(options: TextLogOptions, component = '', bound: LogFields = {}): Log {
  const write = (level: Level, message: string, fields: LogFields = {}): void => {
    if (RANK[level] < RANK[options.level]) return;
    const all = { ...bound, ...fields };
    options.write(options.format === 'json' ? jsonLine(options, level, component, message, all) : textLine(options, level, component, message, all));
  };
  return {
    debug: (message, fields) => write('debug', message, fields),
    info: (message, fields) => write('info', message, fields),
    warn: (message, fields) => write('warn', message, fields),
    error: (message, fields) => write('error', message, fields),
    child: (name, fields) => createLog(options, component === '' ? name : `${component}.${name}`, { ...bound, ...fields }),
  };
}

function jsonLine({ clock }: TextLogOptions, level: Level, component: string, message: string, fields: LogFields): string {
  return `${JSON.stringify({ time: new Date(clock.now()).toISOString(), level, component, message, ...fields })}\n`;
}

function textLine({ clock, colours }: TextLogOptions, level: Level, component: string, message: string, fields: LogFields): string {
  const time = new Date(clock.now()).toISOString().slice(11, 23);
  const pairs = Object.entries(fields).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${quote(String(value))}`]));
  const line = `${time} ${level.toUpperCase().padEnd(5)} ${component === '' ? '' : `${component}: `}${message}${pairs.length === 0 ? '' : ` ${pairs.join(' ')}`}`;
  return colours && COLOURS[level] !== '' ? `${COLOURS[level]}${line}\u001b[0m\n` : `${line}\n`;
}

function quote(value: string): string {
  return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}
