import { join } from 'node:path';
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
