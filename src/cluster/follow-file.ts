import { watch } from 'node:fs';
import { dirname } from 'node:path';
import { failure, type Log } from '../base/log.ts';

/** Calls `changed` whenever the file may be another one, one call at a time; it must not throw. Where files can't be followed, that is said once. */
export function followFile(file: string, log: Log, changed: () => Promise<void>): Disposable {
  let last: Promise<void> = Promise.resolve();
  const unfollowed = (thrown: unknown): void => log.warn('a file is not followed: a change of it counts from the next start on', { file, ...failure(thrown) });
  try {
    // The directory: files are replaced by renaming another over them.
    const watcher = watch(dirname(file), { persistent: false }, () => {
      last = last.then(changed);
    });
    watcher.on('error', unfollowed);
    return { [Symbol.dispose]: () => watcher.close() };
  } catch (thrown) {
    // The machine's bound on watches (fs.inotify), for one.
    unfollowed(thrown);
    return { [Symbol.dispose]: () => {} };
  }
}
