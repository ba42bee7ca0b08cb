import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configMap, startTestServer } from '../testing.ts';

const MAPS = '/api/v1/namespaces/ns/configmaps';

test('whoever follows stored objects is told of the next change, also when one was too much for it', async () => {
  await using server = startTestServer();
  const told: string[] = [];
  using _ = server.api.reader.watch('', 'configmaps', (after, before) => {
    const name = (after ?? before)?.metadata?.name ?? '';
    if (name === 'bad') throw new RangeError('wrong');
    told.push(`${after === undefined ? 'gone' : 'there'} ${name}`);
  });
  await Promise.all(['a', 'bad', 'b'].map((name) => server.ask('POST', MAPS, configMap(name))));
  await server.ask('DELETE', `${MAPS}/a`);
  assert.deepEqual(told, ['there a', 'there b', 'gone a']);
});

test('a list is of the version that stands, asked for again or anew', async () => {
  await using server = startTestServer();
  const names = (): readonly (string | undefined)[] => server.api.reader.list('', 'configmaps', 'ns').map(({ metadata }) => metadata?.name);
  assert.deepEqual(names(), []);
  await server.ask('POST', MAPS, configMap('a'));
  assert.deepEqual(names(), ['a']);
  assert.equal(server.api.reader.list('', 'configmaps', 'ns'), server.api.reader.list('', 'configmaps', 'ns'));
  await server.ask('POST', MAPS, configMap('b'));
  assert.deepEqual(names(), ['a', 'b']);
  await server.ask('DELETE', `${MAPS}/a`);
  assert.deepEqual(names(), ['b']);
});
