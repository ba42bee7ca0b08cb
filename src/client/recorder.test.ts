import assert from 'node:assert/strict';
import { it } from 'node:test';
import { silentLog } from '../base/log.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import type { KubeObject } from '../machinery/object.ts';
import { alreadyExists } from '../machinery/status-error.ts';
import type { Client } from './client.ts';
import { createRecorder } from './recorder.ts';

it('two components that speak of one object in one millisecond are both heard', async () => {
  const written = new Map<string, string>();
  const client = {
    create: async (_resource: unknown, event: KubeObject & { readonly message?: string }) => {
      const name = event.metadata?.name ?? '';
      if (written.has(name)) throw alreadyExists({ group: '', resource: 'events' }, name);
      written.set(name, event.message ?? '');
      return event;
    },
  } as unknown as Client;
  const clock = new VirtualClock();
  const about = { kind: 'Pod', metadata: { name: 'p', namespace: 'ns', uid: 'u' } };
  for (const component of ['one', 'two', 'three'])
    createRecorder({ client, clock, log: silentLog, component }).event(about, 'Normal', 'Said', `by ${component}`);
  for (let i = 0; i < 20; i++) await Promise.resolve();
  assert.deepEqual([...written.values()].sort(), ['by one', 'by three', 'by two']);
});

it('events that differ only in their words are told one by one up to a bound; those after it share one, with the newest words', async () => {
  const written = new Map<string, { readonly message: string; readonly count: number }>();
  const client = {
    create: async (_resource: unknown, event: KubeObject & { readonly message: string; readonly count: number }) => {
      written.set(event.metadata?.name ?? '', event);
      return event;
    },
    patch: async (_resource: unknown, name: string, { body }: { readonly body: { readonly message: string; readonly count: number } }) =>
      void written.set(name, body),
  } as unknown as Client;
  const clock = new VirtualClock();
  const recorder = createRecorder({ client, clock, log: silentLog, component: 'kubelet' });
  const about = { kind: 'Pod', metadata: { name: 'p', namespace: 'ns', uid: 'u' } };
  const drain = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  for (let i = 0; i < 30; i++) {
    recorder.event(about, 'Warning', 'Failed', `attempt ${i}`);
    await clock.advance(1_000, drain);
  }
  recorder.event(about, 'Warning', 'Failed', 'attempt 3');
  await drain();
  const said = [...written.values()].map(({ message, count }) => `${message} x${count}`);
  assert.equal(said.length, 10);
  assert.deepEqual([said[0], said[3], said[9]], ['attempt 0 x1', 'attempt 3 x2', '(combined from similar events): attempt 29 x21']);
});
