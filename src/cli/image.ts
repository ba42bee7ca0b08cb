import { resolve } from 'node:path';
import type { Command } from 'commander';
import { openImages } from '../cluster/images.ts';
import { dataDirectoryOf, outputOption, printTable } from './terminal.ts';

/** `berth image`: images on the node, loaded by hand. */
export function addImage(program: Command): void {
  const image = program.command('image').description('images on the node');
  image
    .command('load')
    .argument('<file>', 'a docker-archive or an OCI archive (.tar, .tar.gz)')
    .description('load an image from a file, so that pods can use it without a registry')
    .option('--data-dir <DIR>', 'of the cluster')
    .addHelpText(
      'after',
      '\nExamples:\n  docker save my/app:1 -o app.tar && berth image load app.tar\n  skopeo copy docker://busybox:1.36 oci-archive:busybox.tar:docker.io/library/busybox:1.36 && berth image load busybox.tar\n',
    )
    .action(async (file: string, options: { readonly dataDir?: string }) => {
      await using images = await openImages(dataDirectoryOf(options.dataDir));
      for (const name of await images.load(resolve(file))) process.stdout.write(`${name}\n`);
    });
  image
    .command('ls')
    .alias('list')
    .description('list the images on the node')
    .option('--data-dir <DIR>', 'of the cluster')
    .addOption(outputOption())
    .addHelpText('after', '\nExamples:\n  berth image ls\n  berth image ls -o json\n')
    .action(async (options: { readonly dataDir?: string; readonly output: string }) => {
      await using images = await openImages(dataDirectoryOf(options.dataDir));
      const all = await images.list();
      if (options.output === 'json') process.stdout.write(`${JSON.stringify(all, undefined, 2)}\n`);
      else
        printTable([
          ['IMAGE', 'ID', 'SIZE'],
          ...all.flatMap(({ names, id, sizeBytes }) =>
            (names.length === 0 ? ['<none>'] : names).map((name) => [name, id.slice(7, 19), `${(sizeBytes / 1e6).toFixed(1)} MB`]),
          ),
        ]);
    });
}
