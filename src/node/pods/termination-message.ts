import { type Host, HostError } from '../../host/host.ts';
import { TERMINATION_LOG_ANNOTATION, TERMINATION_POLICY_ANNOTATION } from '../containers/annotations.ts';
import { failure, type Log } from '../../base/log.ts';
import type { Container } from '../runtime/runtime.ts';

const LONGEST = 4_096;
const LONGEST_FROM_LOG = 2_048;
const LINES_FROM_LOG = 80;

/** What a container left as its last words: its termination log, or, if its policy says so and it failed, the end of its log. */
export async function terminationMessage(host: Host, container: Container): Promise<string> {
  const path = container.annotations[TERMINATION_LOG_ANNOTATION] ?? '';
  const own = path === '' ? '' : await head(host, path);
  if (own !== '') return own;
  const fallsBack = container.annotations[TERMINATION_POLICY_ANNOTATION] === 'FallbackToLogsOnError' && container.exitCode !== 0;
  return fallsBack && container.logPath !== '' ? tail(host, container.logPath) : '';
}

async function head(host: Host, path: string): Promise<string> {
  try {
    return await host.files.readText(path, { maxBytes: LONGEST });
  } catch (thrown) {
    if (!(thrown instanceof HostError)) throw thrown;
    return thrown.code === 'too-large' ? (await host.run('head', ['-c', String(LONGEST), path])).stdout : '';
  }
}

async function tail(host: Host, path: string): Promise<string> {
  const { code, stdout } = await host.run('tail', ['-n', String(LINES_FROM_LOG), path]);
  return code === 0 ? plainLog(stdout).slice(-LONGEST_FROM_LOG) : '';
}

/** The text of CRI log lines: `<time> <stream> <P|F> <text>`; a partial line goes on in the next. */
export function plainLog(text: string): string {
  let out = '';
  for (const line of text.split('\n')) {
    const match = /^\S+ (?:stdout|stderr) ([PF])(?: (.*))?$/s.exec(line);
    if (match !== null) out += `${match[2] ?? ''}${match[1] === 'F' ? '\n' : ''}`;
  }
  return out;
}

/** The last words of a pod's containers, each read once after its end. */
export class TerminationMessages {
  /** By container id. */
  readonly known = new Map<string, string>();
  readonly #reading = new Set<string>();
  readonly #host: Host;
  readonly #log: Log;
  readonly #read: (id: string) => void;

  /** `read`: told of each that has been read. */
  constructor(host: Host, log: Log, read: (id: string) => void) {
    this.#host = host;
    this.#log = log;
    this.#read = read;
  }

  /** Starts reading what is missing. */
  read(containers: readonly Container[]): void {
    for (const container of containers) {
      if (container.state !== 'exited' || this.known.has(container.id) || this.#reading.has(container.id)) continue;
      this.#reading.add(container.id);
      void this.#readOne(container);
    }
  }

  /** Never rejects: what can't be read is empty. */
  async #readOne(container: Container): Promise<void> {
    let message = '';
    try {
      message = await terminationMessage(this.#host, container);
    } catch (thrown) {
      this.#log.warn('the termination message could not be read', { container: container.name, ...failure(thrown) });
    }
    this.known.set(container.id, message === '' ? container.message : message);
    this.#reading.delete(container.id);
    this.#read(container.id);
  }
}
