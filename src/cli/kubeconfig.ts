import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { layoutOf } from '../cluster/data-directory.ts';
import { dataDirectoryOf } from './terminal.ts';

/** `berth kubeconfig`: what clients need to reach the cluster. */
export function addKubeconfig(program: Command): void {
  program
    .command('kubeconfig')
    .description('print the kubeconfig of the cluster')
    .option('--data-dir <DIR>', 'of the cluster')
    .option('--path', 'print where the file lies instead')
    .addHelpText('after', '\nExamples:\n  export KUBECONFIG=$(berth kubeconfig --path)\n  berth kubeconfig > ~/.kube/config\n')
    .action(async (options: { readonly dataDir?: string; readonly path?: boolean }) => {
      const { kubeconfig } = layoutOf(dataDirectoryOf(options.dataDir));
      const text = await readFile(kubeconfig, 'utf8').catch(() => {
        throw new Error(`no cluster has been started in ${dataDirectoryOf(options.dataDir)}; start one with \`berth up\``);
      });
      process.stdout.write(options.path === true ? `${kubeconfig}\n` : text);
    });
}
