/** The process that is killed: opens a store whose values are to be encrypted anew, and kills itself when the given value is. */
import { silentLog } from '../src/base/log.ts';
import { SystemRandom } from '../src/base/random.ts';
import { SystemClock } from '../src/base/system-clock.ts';
import type { Json } from '../src/machinery/object.ts';
import { defaultStoreSettings } from '../src/store/settings.ts';
import { openSqliteStore } from '../src/store/sqlite.ts';
import { encryptionSeal } from '../src/cluster/encryption.ts';
import { encryptionRules } from '../src/cluster/encryption-config.ts';

const [directory = '', config = '{}', killAt = '0'] = process.argv.slice(2);
const clock = new SystemClock();
const { rules } = encryptionRules(JSON.parse(config) as Json);
const inner = await encryptionSeal(rules, { clock, random: new SystemRandom(), log: silentLog });
let sealed = 0;
const store = await openSqliteStore<number>({
  directory,
  clock,
  settings: defaultStoreSettings,
  project: () => 0,
  log: silentLog,
  ballastBytes: 0,
  seal: {
    open: inner.open,
    seal: (key, value) => {
      if (++sealed === Number(killAt)) process.kill(process.pid, 'SIGKILL');
      return inner.seal(key, value);
    },
  },
});
await store[Symbol.asyncDispose]();
process.stdout.write(String(sealed));
