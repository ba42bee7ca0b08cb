import { watch } from 'node:fs';
import { dirname } from 'node:path';
import { failure, type Log } from '../base/log.ts';

/** Calls `changed` whenever the file may be another one, one call at a time; it must not throw. Ended by disposing. */
export function followFile(file: string, log: Log, changed: () => Promise<void>): Disposable {
  let last: Promise<void> = Promise.resolve();
  // The directory: files are replaced by renaming another over them.
  const watcher = watch(dirname(file), { persistent: false }, () => {
    last = last.then(changed);
  });
  watcher.on('error', (thrown) => log.warn('a file is no longer followed', { file, ...failure(thrown) }));
  return { [Symbol.dispose]: () => watcher.close() };
}
