/** The store's writer thread: opens the data directory, says what it found, then does what it is asked, one thing at a time. */
import { parentPort, workerData } from 'node:worker_threads';
import { Refusal, SqliteWriter } from './sqlite-writer.ts';
import type { Answer, Opening, Request, WriterData } from './sqlite-wire.ts';

if (parentPort === null) throw new Error('this file is a worker thread');
const port = parentPort;
const say = (message: Opening | Answer): void => {
  const transferred = 'rows' in message && message.rows !== undefined ? [message.rows.buffer as ArrayBuffer] : [];
  port.postMessage(message, transferred);
};

try {
  const writer = SqliteWriter.open(workerData as WriterData, (rows) => say({ is: 'rows', rows }));
  say({ is: 'open', ...writer.opened });
  port.on('message', (request: Request) => {
    say(writer.answer(request));
    if (request.do === 'close') port.close();
  });
} catch (thrown) {
  if (thrown instanceof Refusal) say({ is: 'refused', code: thrown.code, message: thrown.message });
  else say({ is: 'refused', code: 'unavailable', message: thrown instanceof Error ? thrown.message : String(thrown) });
  port.close();
}
