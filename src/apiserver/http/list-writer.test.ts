import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Http2ServerResponse } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { ListWriter } from '../codec/representation.ts';
import type { StoredEntry } from '../codec/projection.ts';
import { writeList } from './list-writer.ts';

test('parts that are empty leave the others whole, over HTTP/2 too', async () => {
  const text = `{"kind":"PodList","items":[]${' '.repeat(300)}}`;
  const writers: readonly ListWriter[] = [
    { head: text, tail: '', separator: '', piece: () => [] },
    { head: text, tail: '', separator: '', piece: () => ['', Buffer.alloc(0)] },
  ];
  const server = createServer();
  server.on('request', (_, response: Http2ServerResponse) => {
    const writer = writers[asked % writers.length];
    asked++;
    response.writeHead(200);
    if (writer !== undefined)
      writeList(response, writer, [{ value: Buffer.alloc(1) }, { value: Buffer.alloc(1) }] as unknown as StoredEntry[], () => Promise.resolve()).catch(
        (thrown: unknown) => response.stream.destroy(thrown as Error),
      );
  });
  let asked = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  try {
    for (let at = 0; at < 20; at++) {
      const request = client.request({ ':path': '/' });
      let body = '';
      for await (const chunk of request as AsyncIterable<Buffer>) body += chunk.toString('latin1');
      assert.equal(body, text);
    }
  } finally {
    client.close();
    server.close();
  }
});
