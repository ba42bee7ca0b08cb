import type { Command } from 'commander';
import { takeDown } from '../cluster/teardown.ts';
import { dataDirectoryOf } from './terminal.ts';

/** `berth down`: ends the cluster and everything of it that runs. Its data stays. */
export function addDown(program: Command): void {
  program
    .command('down')
    .description('stop the cluster, its pods and its containerd; all data stays')
    .option('--data-dir <DIR>', 'of the cluster')
    .addHelpText('after', '\nExamples:\n  berth down\n  berth down --data-dir /srv/second\n')
    .action(async (options: { readonly dataDir?: string }) => {
      const directory = dataDirectoryOf(options.dataDir);
      const done = await takeDown(directory, (text) => void process.stdout.write(`${text}\n`));
      process.stdout.write(done ? 'stopped; the data is still there, `berth up` brings it back\n' : `nothing of a cluster in ${directory} runs\n`);
    });
}
