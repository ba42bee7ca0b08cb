import { request } from 'node:https';
import { StringDecoder } from 'node:string_decoder';
import { MAPS } from './client.ts';

interface Told {
  readonly version: number;
  readonly key: string;
  readonly value: string;
}

interface Event {
  readonly type: string;
  readonly object: {
    readonly code?: number;
    readonly metadata: { readonly name: string; readonly resourceVersion: string };
    readonly data?: { readonly value?: string };
  };
}

/** Of the object that is made before anybody watches. */
const FIRST = 1;

/**
 * A client that watches over every life of the server: after each kill it goes on from the last version that it was told, and never
 * lists. So every version that was answered must have been told to it once, in order, with its value.
 */
export class Follower {
  readonly told: Told[] = [];
  readonly faults: string[] = [];
  #wake: () => void = () => {};

  /** Until the server is dead. */
  async follow(port: number, ca: string): Promise<void> {
    const after = this.told.at(-1)?.version ?? FIRST;
    const query = new URLSearchParams({ watch: 'true', resourceVersion: String(after) });
    await new Promise<void>((resolve) => {
      const asked = request({ host: '127.0.0.1', port, ca, agent: false, path: `${MAPS}?${query}`, headers: { 'user-agent': 'test/1' } }, (response) => {
        if (response.statusCode !== 200) this.faults.push(`a watch from ${after} was answered ${response.statusCode}`);
        const decoder = new StringDecoder('utf8');
        let rest = '';
        response.on('data', (chunk: Buffer) => {
          const lines = (rest + decoder.write(chunk)).split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines) this.#hear(JSON.parse(line) as Event);
        });
        response.on('error', () => {}).on('close', resolve);
      });
      // Also after the answer's end: the server is killed.
      asked.on('socket', (socket) => socket.on('error', () => {}));
      asked.on('error', () => resolve());
      asked.end();
    });
  }

  /** Resolves when it has been told of a version, or one that is newer. */
  async heard(version: number): Promise<void> {
    while ((this.told.at(-1)?.version ?? 0) < version && this.faults.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  /** `answered`: versions with the value that was written. */
  judge(answered: readonly Told[]): readonly string[] {
    const byVersion = new Map(this.told.map((each) => [each.version, each]));
    const missing = answered.flatMap(({ version, key, value }) => {
      const found = byVersion.get(version);
      return found?.key === key && found.value === value
        ? []
        : [`${key}=${value} was answered as version ${version}; a watch was told ${JSON.stringify(found)}`];
    });
    return [...this.faults, ...missing];
  }

  #hear({ type, object: { code, metadata, data } }: Event): void {
    const last = this.told.at(-1)?.version ?? 0;
    if (type === 'ERROR') this.faults.push(`a watch from ${last} ended with ${code}`);
    else {
      const version = Number(metadata.resourceVersion);
      if (version <= last) this.faults.push(`a watch was told of ${version} after ${last}`);
      this.told.push({ version, key: metadata.name, value: data?.value ?? '' });
    }
    this.#wake();
  }
}
