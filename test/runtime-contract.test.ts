import { join } from 'node:path';
import { SeededRandom } from '../src/base/random.ts';
import { SystemClock } from '../src/base/system-clock.ts';
import { SimulatedRuntime } from '../src/node/runtime/simulated.ts';
import { runtimeContract } from './contract/runtime.ts';
import { writeBusyboxImage } from './fixtures/busybox-image.ts';
import { testContainerd, whyNoContainers } from './fixtures/containerd.ts';

runtimeContract({
  name: 'containerd',
  skip: whyNoContainers(),
  real: true,
  waits: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.05; done'],
  ignores: ['sh', '-c', 'trap "" TERM; while :; do sleep 0.05; done'],
  exits: (code) => ['sh', '-c', `exit ${code}`],
  open: async () => {
    const at = await testContainerd();
    const { runtime } = await at.start();
    await runtime.images.load(writeBusyboxImage(join(at.directory, 'busybox.tar')));
    return { runtime, logDirectory: at.logDirectory, image: 'busybox:1.36', [Symbol.asyncDispose]: () => at[Symbol.asyncDispose]() };
  },
});

const WAITS = ['waits'];
const IGNORES = ['ignores'];
const HOUR_MS = 3_600_000;

runtimeContract({
  name: 'simulated',
  real: false,
  waits: WAITS,
  ignores: IGNORES,
  exits: (code) => ['exits', String(code)],
  open: async () => {
    const runtime = new SimulatedRuntime({
      clock: new SystemClock(),
      random: new SeededRandom(1),
      latency: { sandboxMs: 0, startMs: 0, pullMs: 0 },
      firstPodIp: '10.244.0.2',
      behave: ({ command }) => {
        if (command === WAITS) return { stopExitCode: 0 };
        if (command === IGNORES) return { stopsInMs: HOUR_MS };
        return { exitsAfterMs: 1, exitCode: Number(command[1]) };
      },
    });
    await runtime.images.pull('busybox:1.36', undefined);
    return { runtime, logDirectory: '/logs', image: 'busybox:1.36', [Symbol.asyncDispose]: () => runtime[Symbol.asyncDispose]() };
  },
});
