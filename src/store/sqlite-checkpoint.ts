/** The store's second thread: moves what the WAL has into the database file, while the writer goes on. */
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';

if (parentPort === null) throw new Error('this file is a worker thread');
const port = parentPort;
const database = new DatabaseSync((workerData as { readonly path: string }).path, { timeout: 0 });
database.exec('PRAGMA synchronous=FULL');
const checkpoint = database.prepare('PRAGMA wal_checkpoint(PASSIVE)');

port.on('message', (message: 'checkpoint' | 'close') => {
  if (message === 'close') {
    database.close();
    port.close();
    return;
  }
  let fault: string | undefined;
  try {
    checkpoint.get();
  } catch (thrown) {
    // A full disk: the writer meets it too, and says so.
    fault = thrown instanceof Error ? thrown.message : String(thrown);
  }
  port.postMessage({ fault });
});
