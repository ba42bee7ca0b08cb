import { type Command, InvalidArgumentError, Option } from 'commander';
import { SystemClock } from '../base/system-clock.ts';
import { SystemRandom } from '../base/random.ts';
import { startCluster } from '../cluster/cluster.ts';
import { type ClusterConfig, checkConfig, defaultConfig } from '../cluster/config.ts';
import { HeapRest } from '../cluster/heap-rest.ts';
import { parseRuntimeConfig, type RuntimeConfig } from '../cluster/runtime-config.ts';
import { createLog, type Level } from '../cluster/text-log.ts';
import { parseDuration } from '../machinery/time.ts';
import { parseQuantity, quantityNumber } from '../machinery/quantity.ts';
import { bold, environment, faint, isRoot, paints, seconds } from './terminal.ts';

const DAY_MS = 24 * 3_600_000;

interface UpOptions {
  readonly dataDir?: string;
  readonly bindAddress: string;
  readonly port: number;
  readonly nodeName?: string;
  readonly simulated?: boolean;
  readonly nodes?: number;
  readonly extendedResource: Readonly<Record<string, number>>;
  readonly nodeLabel: Readonly<Record<string, string>>;
  readonly pool: ClusterConfig['pool']['kind'];
  readonly poolSize?: number;
  readonly trash: number;
  readonly podCidr: string;
  readonly serviceCidr: string;
  readonly watchWindow: number;
  readonly runtimeConfig: RuntimeConfig;
  readonly encryptionConfig?: string;
  readonly maxRequestsInflight: number;
  readonly requestTimeout: number;
  readonly admissionConfig?: string;
  readonly disableAdmissionPlugins: string;
  readonly enableAdmissionPlugins: string;
  readonly authenticationConfig?: string;
  readonly oidcIssuerUrl?: string;
  readonly oidcClientId?: string;
  readonly oidcUsernameClaim: string;
  readonly oidcUsernamePrefix: string;
  readonly oidcGroupsClaim: string;
  readonly oidcGroupsPrefix: string;
  readonly oidcRequiredClaim: Readonly<Record<string, string>>;
  readonly oidcSigningAlgs: string;
  readonly oidcCaFile: string;
  readonly auditPolicy?: string;
  readonly auditLog?: string;
  readonly auditLogMaxsize: number;
  readonly auditLogMaxbackup: number;
  /** Days. */
  readonly auditLogMaxage: number;
  readonly certificateName: readonly string[];
  readonly stopPods?: boolean;
  readonly logLevel: Level;
  readonly logFormat: 'text' | 'json';
}

const EXAMPLES = `
Examples:
  berth up                                     a cluster in ${defaultConfig({ root: true, hostname: 'x' }).dataDirectory}; Ctrl-C stops it, pods keep running
  berth up --stop-pods                         Ctrl-C stops the pods too
  berth up --data-dir /srv/second              a second cluster beside the first
  berth up --simulated --nodes 100             no containers: pods only say that they run
  berth up --extended-resource nvidia.com/gpu=2
`;

/** What a start gets to come to its end after it was told to stop; less than `berth down` waits. */
const START_LEFT_MS = 90_000;

/** `berth up`: starts the cluster and stays in the foreground. */
export function addUp(program: Command): void {
  const defaults = defaultConfig(environment());
  program
    .command('up')
    .description('start the cluster, or bring it back; stays in the foreground')
    .option('--data-dir <DIR>', `where everything lies (default: ${defaults.dataDirectory})`)
    .option('--bind-address <ADDRESS>', 'where the API server listens', defaults.bindAddress)
    .option('--port <PORT>', 'of the API server; 0: the last one, else 6443, else a free one', integer, defaults.port)
    .option('--node-name <NAME>', `of this machine in the cluster (default: ${defaults.nodeName})`)
    .option('--simulated', 'no containers: pods only say that they run')
    .option('--nodes <N>', 'how many simulated nodes', integer)
    .option('--extended-resource <NAME=COUNT>', 'devices that are only counted, as nvidia.com/gpu=2; may be repeated', pair(integer), {})
    .option('--node-label <KEY=VALUE>', 'a label of the node; may be repeated', pair(String), {})
    .option('--pool <KIND>', 'auto, btrfs, plain or directory', oneOf(['auto', 'btrfs', 'plain', 'directory']), 'auto')
    .option('--pool-size <SIZE>', 'of the pool that volumes are cut from, as 20Gi (default: a share of the free disk)', size)
    .addOption(new Option('--trash <DURATION>', 'how long deleted volumes can come back').argParser(duration).default(defaults.trashMs, '24h'))
    .option('--pod-cidr <CIDR>', 'addresses of pods (default: a free network)', '')
    .option('--service-cidr <CIDR>', 'addresses of Services', defaults.serviceCidr)
    .addOption(
      new Option('--watch-window <DURATION>', 'how long old versions can be watched and listed').argParser(duration).default(defaults.watchWindowMs, '5m'),
    )
    .option('--runtime-config <GROUP/VERSION=true>', 'serve an alpha or beta version, or api/beta=true for all; may be repeated', runtimeConfig, {})
    .option('--encryption-config <FILE>', 'an EncryptionConfiguration: what is encrypted on disk, and with which keys')
    .addOption(
      new Option('--request-timeout <DURATION>', 'requests that take longer are ended, watches and streams apart')
        .argParser(duration)
        .default(defaults.requestTimeoutMs, '1m'),
    )
    .option(
      '--max-requests-inflight <N>',
      'requests that the API server works on at a time, shared by priority and fairness',
      integer,
      defaults.maxRequestsInflight,
    )
    .option('--admission-config <FILE>', 'an AdmissionConfiguration: what PodSecurity enforces by default, and whom it lets pass')
    .option('--enable-admission-plugins <NAMES>', 'that run only when they are named, with commas between', '')
    .option('--disable-admission-plugins <NAMES>', 'that are on by default and shall not run, with commas between', '')
    .option('--authentication-config <FILE>', 'an AuthenticationConfiguration: providers whose tokens count as sign-in, and what is open to everybody')
    .option('--oidc-issuer-url <URL>', 'an OpenID Connect provider whose ID tokens count as sign-in')
    .option('--oidc-client-id <ID>', 'the audience that its tokens must be for')
    .option('--oidc-username-claim <CLAIM>', 'what is the name of a user', 'sub')
    .option('--oidc-username-prefix <PREFIX>', 'before it (default: the issuer and #); - for nothing', '')
    .option('--oidc-groups-claim <CLAIM>', 'what are the groups of a user (default: none)', '')
    .option('--oidc-groups-prefix <PREFIX>', 'before each of them', '')
    .option('--oidc-required-claim <KEY=VALUE>', 'what a token must say; may be repeated', pair(String), {})
    .option('--oidc-signing-algs <ALGORITHMS>', 'that are accepted, with commas between', 'RS256')
    .option('--oidc-ca-file <FILE>', "of the CA of the provider's certificate (default: the machine's CAs)", '')
    .option('--audit-policy <FILE>', 'an audit.k8s.io/v1 Policy: what is recorded of which requests')
    .option('--audit-log <FILE>', 'where audit events go, a line of JSON each')
    .addOption(new Option('--audit-log-maxsize <SIZE>', 'a larger audit log is put aside; 0: never').argParser(size).default(defaults.audit.maxBytes, '100Mi'))
    .option('--audit-log-maxbackup <N>', 'how many audit logs that were put aside are kept; 0: all', integer, defaults.audit.maxBackups)
    .option('--audit-log-maxage <DAYS>', 'how long they are kept; 0: however old', integer, 0)
    .option(
      '--certificate-name <NAME>',
      'another name or address in the server certificate; may be repeated',
      (value: string, all: readonly string[]) => [...all, value],
      [],
    )
    .option('--stop-pods', 'stop the pods when the cluster stops')
    .option('--log-level <LEVEL>', 'debug, info, warn or error', oneOf(['debug', 'info', 'warn', 'error']), 'info')
    .option('--log-format <FORMAT>', 'text or json', oneOf(['text', 'json']), 'text')
    .addHelpText('after', EXAMPLES)
    .action(up);
}

function configOf(options: UpOptions): ClusterConfig {
  const defaults = defaultConfig(environment());
  return checkConfig({
    ...defaults,
    dataDirectory: options.dataDir ?? defaults.dataDirectory,
    bindAddress: options.bindAddress,
    port: options.port,
    nodeName: options.nodeName ?? defaults.nodeName,
    runtime: options.simulated === true ? 'simulated' : defaults.runtime,
    simulatedNodes: options.nodes ?? defaults.simulatedNodes,
    extendedResources: options.extendedResource,
    nodeLabels: options.nodeLabel,
    pool: { kind: options.pool, sizeBytes: options.poolSize ?? 0 },
    trashMs: options.trash,
    podCidr: options.podCidr,
    serviceCidr: options.serviceCidr,
    watchWindowMs: options.watchWindow,
    runtimeConfig: options.runtimeConfig,
    encryptionConfigFile: options.encryptionConfig ?? '',
    maxRequestsInflight: options.maxRequestsInflight,
    requestTimeoutMs: options.requestTimeout,
    admissionConfigFile: options.admissionConfig ?? '',
    enabledAdmission: options.enableAdmissionPlugins.split(',').filter((name) => name !== ''),
    disabledAdmission: options.disableAdmissionPlugins.split(',').filter((name) => name !== ''),
    authenticationConfigFile: options.authenticationConfig ?? '',
    oidc: oidcOf(options),
    audit: {
      policyFile: options.auditPolicy ?? '',
      logFile: options.auditLog ?? '',
      maxBytes: options.auditLogMaxsize,
      maxBackups: options.auditLogMaxbackup,
      maxAgeMs: options.auditLogMaxage * DAY_MS,
    },
    certificateNames: options.certificateName,
    stopPods: options.stopPods === true,
  });
}

function oidcOf(options: UpOptions): ClusterConfig['oidc'] {
  if (options.oidcIssuerUrl === undefined && options.oidcClientId === undefined) return undefined;
  return {
    issuer: options.oidcIssuerUrl ?? '',
    audiences: [options.oidcClientId ?? ''],
    uidClaim: '',
    usernameClaim: options.oidcUsernameClaim,
    usernamePrefix: options.oidcUsernamePrefix,
    groupsClaim: options.oidcGroupsClaim,
    groupsPrefix: options.oidcGroupsPrefix,
    requiredClaims: options.oidcRequiredClaim,
    algorithms: options.oidcSigningAlgs.split(','),
    caFile: options.oidcCaFile,
  };
}

async function up(options: UpOptions): Promise<void> {
  // Since the process began: loading counts too.
  const started = performance.timeOrigin;
  const config = configOf(options);
  const clock = new SystemClock();
  const log = createLog({
    clock,
    level: options.logLevel,
    format: options.logFormat,
    colours: paints(process.stderr),
    write: (line) => void process.stderr.write(line),
  });
  if (!isRoot() && options.simulated !== true) say('You are not root, so this cluster has a simulated node: pods only say that they run.');
  const ended = stopSignal();
  let ready = false;
  void ended.then((signal) => {
    if (ready) return;
    say(`${signal}: stopping as soon as the start is done ...`);
    // A start that hangs is ended as a crash would end it: nothing acknowledged is lost.
    clock.setTimer(START_LEFT_MS, () => {
      if (!ready) process.exit(1);
    });
  });
  const cluster = await startCluster(config, {
    clock,
    random: new SystemRandom(),
    log,
    stage: (name, ms) => say(`${faint(seconds(ms).padStart(8))}  ${name}`),
    say,
  });
  ready = true;
  using _rest = new HeapRest(clock);
  say(`${faint(seconds(Date.now() - started).padStart(8))}  ${bold('ready')} at ${cluster.server}`);
  sayNext(cluster.kubeconfigFile);
  const signal = await Promise.race([
    ended,
    cluster.failed.then((cause) => {
      throw cause;
    }),
  ]);
  say(`${signal}: stopping ${config.stopPods ? 'the cluster and its pods' : 'the cluster; its pods keep running (`berth down` stops them)'} ...`);
  await cluster.stop({ pods: config.stopPods });
  say('stopped');
}

function sayNext(kubeconfigFile: string): void {
  say('');
  say('Next:');
  say(`  export KUBECONFIG=${shellWord(kubeconfigFile)}`);
  say('  kubectl get nodes');
  say('  kubectl apply -f FILE.yaml');
  say('');
}

/** A path as it can be typed. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The first SIGINT or SIGTERM; a second one ends the process at once. */
function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(signal === 'SIGINT' ? 130 : 143);
        asked = true;
        resolve(signal);
      });
    }
  });
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function integer(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('a whole number is expected.');
  return Number(text);
}

function duration(text: string): number {
  const ms = text === '0' ? 0 : parseDuration(text);
  if (ms === undefined || ms < 0) throw new InvalidArgumentError('a duration is expected, as 5m or 24h.');
  return ms;
}

function size(text: string): number {
  const quantity = parseQuantity(text);
  if (quantity === undefined) throw new InvalidArgumentError('a size is expected, as 20Gi.');
  return quantityNumber(quantity);
}

function runtimeConfig(text: string, before: RuntimeConfig): RuntimeConfig {
  const all = parseRuntimeConfig(text, before);
  if (all === undefined) throw new InvalidArgumentError('GROUP/VERSION=true or =false is expected.');
  return all;
}

function oneOf<T extends string>(values: readonly T[]): (text: string) => T {
  return (text) => {
    const found = values.find((value) => value === text);
    if (found === undefined) throw new InvalidArgumentError(`one of ${values.join(', ')} is expected.`);
    return found;
  };
}

function pair<T>(parse: (text: string) => T): (text: string, all: Readonly<Record<string, T>>) => Readonly<Record<string, T>> {
  return (text, all) => {
    const at = text.indexOf('=');
    if (at < 1) throw new InvalidArgumentError('NAME=VALUE is expected.');
    return { ...all, [text.slice(0, at)]: parse(text.slice(at + 1)) };
  };
}
