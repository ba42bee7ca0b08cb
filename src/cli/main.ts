import { Command, CommanderError, type Option } from 'commander';
import { addDown } from './down.ts';
import { addImage } from './image.ts';
import { addKubeconfig } from './kubeconfig.ts';
import { addStatus } from './status.ts';
import { fail } from './terminal.ts';
import { addUp } from './up.ts';
import { addWhy } from './why.ts';

/** Descriptions name their choices themselves, and say what an empty default means. */
function describeOption({ description, defaultValue, defaultValueDescription }: Option): string {
  const plain = typeof defaultValue === 'string' || typeof defaultValue === 'number' ? String(defaultValue) : '';
  const text = defaultValueDescription ?? plain;
  return text === '' ? description : `${description} (default: ${text})`;
}

const program = new Command('berth')
  .description('Kubernetes where storage comes first: a real cluster on one machine, its data kept.')
  .version('0.1.0', '-V, --version')
  .showHelpAfterError('(berth COMMAND --help explains and shows examples)')
  .configureHelp({ sortSubcommands: false, optionDescription: describeOption })
  .exitOverride();

addUp(program);
addDown(program);
addStatus(program);
addKubeconfig(program);
addImage(program);
addWhy(program);

// Clocks never keep a process alive; a command that waits must, until it is done.
const held = setInterval(() => {}, 2 ** 30);
try {
  await program.parseAsync(process.argv);
} catch (thrown) {
  // Help and version end this way too; commander has said what there is to say.
  if (thrown instanceof CommanderError) process.exitCode = thrown.exitCode;
  else fail(thrown);
} finally {
  clearInterval(held);
}
