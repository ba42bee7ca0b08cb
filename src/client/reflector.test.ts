import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { configMaps } from '../api/gen/resources.ts';
import type { ConfigMap } from '../api/gen/types/core.v1.ts';
import { silentLog } from '../base/log.ts';
import { SeededRandom } from '../base/random.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import type { Stored } from '../machinery/object.ts';
import { StatusError } from '../machinery/status-error.ts';
import type { Client, ClientSink } from './client.ts';
import { Reflector } from './reflector.ts';

const drain = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const map = (name: string, version: string): Stored<ConfigMap> => ({ metadata: { name, namespace: 'default', uid: name, resourceVersion: version } });

/** A server of one list and one watch, driven by the test. */
function server(): {
  readonly client: Client;
  readonly calls: string[];
  items: Stored<ConfigMap>[];
  version: string;
  sink: ClientSink<ConfigMap> | undefined;
  refuse: StatusError | undefined;
} {
  const made = {
    calls: [] as string[],
    items: [map('a', '1')],
    version: '1',
    sink: undefined as ClientSink<ConfigMap> | undefined,
    refuse: undefined as StatusError | undefined,
    client: {
      list: async () => {
        made.calls.push('list');
        return { items: made.items, resourceVersion: made.version };
      },
      watch: async (_: unknown, { resourceVersion }: { readonly resourceVersion: string }, sink: ClientSink<ConfigMap>) => {
        made.calls.push(`watch ${resourceVersion}`);
        if (made.refuse !== undefined) throw made.refuse;
        made.sink = sink;
        return { close: () => {} };
      },
    } as unknown as Client,
  };
  return made;
}

function start(): { readonly of: ReturnType<typeof server>; readonly clock: VirtualClock; readonly told: string[]; readonly reflector: Reflector<ConfigMap> } {
  const of = server();
  const clock = new VirtualClock();
  const reflector = new Reflector<ConfigMap>({ client: of.client, resource: configMaps, selection: {}, clock, random: new SeededRandom(1), log: silentLog });
  const told: string[] = [];
  reflector.onChange({
    added: ({ metadata }) => told.push(`+${metadata.name}`),
    updated: ({ metadata }) => told.push(`~${metadata.name}`),
    deleted: ({ metadata }) => told.push(`-${metadata.name}`),
  });
  reflector.start();
  return { of, clock, told, reflector };
}

describe('an informer', () => {
  it('lists, then watches from the version that was listed', async () => {
    const { of, told, reflector } = start();
    await reflector.whenSynced();
    await drain();
    assert.deepEqual(of.calls, ['list', 'watch 1']);
    assert.deepEqual(told, ['+a']);
    assert.ok(Object.isFrozen(reflector.get('a', 'default')));
    assert.equal(reflector.get('a', 'default')?.kind, 'ConfigMap', 'items of lists carry no kind, what is kept does');
  });

  it('goes on from the last version seen when the watch ends', async () => {
    const { of, clock, told } = start();
    await drain();
    of.sink?.events([{ type: 'ADDED', object: map('b', '5') }]);
    of.sink?.closed();
    await clock.advance(100, drain);
    assert.deepEqual(of.calls, ['list', 'watch 1', 'watch 5']);
    assert.deepEqual(told, ['+a', '+b']);
  });

  it('lists again when its version is too old, and tells only the difference', async () => {
    const { of, clock, told } = start();
    await drain();
    of.items = [map('a', '7'), map('c', '8')];
    of.version = '9';
    of.sink?.closed(new StatusError('Expired', 'too old'));
    await clock.advance(1_000, drain);
    assert.deepEqual(of.calls, ['list', 'watch 1', 'list', 'watch 9']);
    assert.deepEqual(told, ['+a', '~a', '+c']);
  });

  it('says after each list that it is told to the end', async () => {
    const { of, clock, told, reflector } = start();
    reflector.onChange({ listed: (version) => told.push(`listed @${version}`) });
    await drain();
    of.items = [map('c', '8')];
    of.version = '9';
    of.sink?.closed(new StatusError('Expired', 'too old'));
    await clock.advance(1_000, drain);
    assert.deepEqual(told, ['+a', 'listed @1', '+c', '-a', 'listed @9']);
  });

  it('an object that was deleted and made again is told as both', async () => {
    const { of, told } = start();
    await drain();
    of.sink?.events([{ type: 'MODIFIED', object: { ...map('a', '3'), metadata: { ...map('a', '3').metadata, uid: 'another' } } }]);
    assert.deepEqual(told, ['+a', '-a', '+a']);
  });

  it('asks ever less often while the server ends every watch at once', async () => {
    const { of, clock } = start();
    await drain();
    for (let i = 0; i < 200; i++) {
      of.sink?.closed();
      await clock.advance(100, drain);
    }
    const watches = of.calls.filter((call) => call.startsWith('watch')).length;
    assert.ok(watches < 20, `${watches} watches in 20 s`);
  });

  it('asks ever less often while the server refuses', async () => {
    const { of, clock } = start();
    await drain();
    of.refuse = new StatusError('ServiceUnavailable', 'down');
    of.sink?.closed(new StatusError('ServiceUnavailable', 'down'));
    await clock.advance(60_000, drain);
    const watches = of.calls.length;
    assert.ok(watches > 5 && watches < 25, `${watches} requests in a minute`);
  });
});
