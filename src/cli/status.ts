import type { Command } from 'commander';
import { nodes, persistentVolumeClaims, pods, storageClasses } from '../api/gen/resources.ts';
import { layoutOf, readIdentity } from '../cluster/data-directory.ts';
import { readRunning } from '../cluster/running.ts';
import { StatusError } from '../machinery/status-error.ts';
import { connect } from './connect.ts';
import { dataDirectoryOf, printTable, outputOption } from './terminal.ts';

interface ClusterStatus {
  readonly dataDirectory: string;
  readonly clusterId: string;
  readonly running: boolean;
  readonly pid?: number;
  readonly server?: string;
  readonly nodes?: readonly { readonly name: string; readonly ready: boolean; readonly notes: readonly string[] }[];
  readonly pods?: Readonly<Record<string, number>>;
  readonly claims?: Readonly<Record<string, number>>;
  readonly defaultStorageClass?: string;
  /** What this machine lacks, and what follows from it. */
  readonly findings?: readonly string[];
}

/** `berth status`: what runs, and what the machine could not give. Exit code 3 when the cluster is down. */
export function addStatus(program: Command): void {
  program
    .command('status')
    .description('what runs, and what this machine could not give')
    .option('--data-dir <DIR>', 'of the cluster')
    .addOption(outputOption())
    .addHelpText('after', '\nExamples:\n  berth status\n  berth status -o json\n\nExit codes: 0 it runs, 3 it does not.\n')
    .action(async (options: { readonly dataDir?: string; readonly output: string }) => {
      if (options.output !== 'text' && options.output !== 'json') throw new Error(`-o ${options.output}: text or json is expected`);
      const status = await look(dataDirectoryOf(options.dataDir));
      if (options.output === 'json') process.stdout.write(`${JSON.stringify(status, undefined, 2)}\n`);
      else print(status);
      if (!status.running) process.exitCode = 3;
    });
}

async function look(dataDirectory: string): Promise<ClusterStatus> {
  const layout = layoutOf(dataDirectory);
  const identity = await readIdentity(layout);
  if (identity === undefined) throw new Error(`no cluster has been started in ${dataDirectory}; start one with \`berth up\``);
  const running = await readRunning(layout);
  const base = { dataDirectory, clusterId: identity.id };
  if (running === undefined || running.server === '') return { ...base, running: false };
  using connection = await connect(dataDirectory);
  const { client, server } = connection;
  try {
    const [allNodes, allPods, allClaims, classes] = await Promise.all([
      client.list(nodes),
      client.list(pods),
      client.list(persistentVolumeClaims),
      client.list(storageClasses),
    ]);
    const count = (phases: readonly string[]): Readonly<Record<string, number>> => {
      const counts: Record<string, number> = {};
      for (const phase of phases) counts[phase] = (counts[phase] ?? 0) + 1;
      return counts;
    };
    const defaultClass = classes.items.find((each) => each.metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true');
    return {
      ...base,
      running: true,
      pid: running.pid,
      server,
      nodes: allNodes.items.map((node) => ({
        name: node.metadata.name,
        ready: node.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false,
        notes: (node.status?.conditions ?? [])
          .filter((condition) => condition.type !== 'Ready' && condition.status === 'True')
          .map((condition) => condition.message ?? condition.type),
      })),
      pods: count(allPods.items.map((pod) => pod.status?.phase ?? 'Pending')),
      claims: count(allClaims.items.map((claim) => claim.status?.phase ?? 'Pending')),
      ...(defaultClass === undefined ? {} : { defaultStorageClass: defaultClass.metadata.name }),
      findings: running.findings,
    };
  } catch (thrown) {
    if (thrown instanceof StatusError && thrown.reason === 'ServiceUnavailable') return { ...base, running: false, pid: running.pid, server };
    throw thrown;
  }
}

function print(status: ClusterStatus): void {
  const phases = (counts: Readonly<Record<string, number>> | undefined): string => {
    const entries = Object.entries(counts ?? {});
    return entries.length === 0 ? 'none' : entries.map(([phase, count]) => `${count} ${phase}`).join(', ');
  };
  if (!status.running) {
    process.stdout.write(`cluster ${status.clusterId} in ${status.dataDirectory} is not running; \`berth up\` brings it back\n`);
    return;
  }
  printTable([
    ['cluster', status.clusterId],
    ['server', status.server ?? ''],
    ['data', status.dataDirectory],
    ['process', String(status.pid ?? '')],
    [
      'nodes',
      (status.nodes ?? [])
        .map(({ name, ready }) => `${name} ${ready ? 'Ready' : 'NotReady'}`)
        .slice(0, 5)
        .join(', ') || 'none',
    ],
    ['pods', phases(status.pods)],
    ['claims', phases(status.claims)],
    ['class', status.defaultStorageClass ?? 'none is the default'],
  ]);
  for (const finding of status.findings ?? []) process.stdout.write(`note: ${finding}\n`);
}
