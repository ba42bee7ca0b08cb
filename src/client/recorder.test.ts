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
