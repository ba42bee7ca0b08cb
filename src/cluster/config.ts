import type { OidcSettings } from '../apiserver/authn/oidc.ts';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { isCidr, isIPv4 } from '../api/ip.ts';
import { labelValueFaults, qualifiedNameFaults } from '../machinery/names.ts';
import { OIDC_ALGORITHMS } from './oidc-keys.ts';
import { type RuntimeConfig, unknownVersion } from './runtime-config.ts';

/** Everything that a cluster is started with, read and checked once. Units are in the names; absent means the default. */
export interface ClusterConfig {
  /** Absolute. Everything that outlives a start lies in it. */
  readonly dataDirectory: string;
  /** Where the API server listens. Loopback unless told otherwise. */
  readonly bindAddress: string;
  /** 0: the port of the last start, else 6443, else a free one. */
  readonly port: number;
  readonly nodeName: string;
  /** `containerd`: real containers. `simulated`: pods that only say that they run. */
  readonly runtime: 'containerd' | 'simulated';
  /** How many simulated nodes; counts only with the simulated runtime. */
  readonly simulatedNodes: number;
  /** Devices that are only counted: `nvidia.com/gpu` to 2. */
  readonly extendedResources: Readonly<Record<string, number>>;
  readonly nodeLabels: Readonly<Record<string, string>>;
  readonly pool: { readonly kind: 'auto' | 'btrfs' | 'plain' | 'directory' /** 0: a share of the free disk. */; readonly sizeBytes: number };
  /** How long deleted volumes can come back. 0: not at all. */
  readonly trashMs: number;
  /** Empty: chosen so that no other network of the machine is touched. */
  readonly podCidr: string;
  readonly serviceCidr: string;
  readonly nodePorts: { readonly first: number; readonly last: number };
  /** Versions and events stay reachable that long. */
  readonly watchWindowMs: number;
  /** `api/alpha` …: group versions beyond those served by default, as kube-apiserver's flag. */
  readonly runtimeConfig: RuntimeConfig;
  /** An EncryptionConfiguration: which resources are encrypted on disk. Empty: none. */
  readonly encryptionConfigFile: string;
  /** Both or neither: an audit.k8s.io/v1 Policy, and the file that the events go to. */
  readonly audit: {
    readonly policyFile: string;
    readonly logFile: string /** 0: not rotated. */;
    readonly maxBytes: number /** 0: all. */;
    readonly maxBackups: number /** 0: however old. */;
    readonly maxAgeMs: number;
  };
  /** Requests that the API server works on at a time, over all priority levels that are not exempt. */
  readonly maxRequestsInflight: number;
  /** Longer requests are answered with 504, watches and streams apart. */
  readonly requestTimeoutMs: number;
  /** An AdmissionConfiguration. Empty: none. */
  readonly admissionConfigFile: string;
  /** Admission plugins that are on by default and shall not run, by name. */
  readonly disabledAdmission: readonly string[];
  /** Those that run only when they are named. */
  readonly enabledAdmission: readonly string[];
  /** An AuthenticationConfiguration; not with `oidc`. Empty: none. */
  readonly authenticationConfigFile: string;
  /** Absent: nobody signs in elsewhere. */
  readonly oidc: (OidcSettings & { /** PEM; empty: the machine's CAs. */ readonly caFile: string }) | undefined;
  /** What a clean stop does with pods: leave them running, or stop them. */
  readonly stopPods: boolean;
  /** More names and addresses for the server's certificate. */
  readonly certificateNames: readonly string[];
}

/** The defaults, for a user with or without root. */
export function defaultConfig(environment: { readonly root: boolean; readonly hostname: string }): ClusterConfig {
  return {
    dataDirectory: environment.root ? '/var/lib/berth' : join(homedir(), '.local', 'share', 'berth'),
    bindAddress: '127.0.0.1',
    port: 0,
    nodeName: nodeNameOf(environment.hostname),
    runtime: environment.root ? 'containerd' : 'simulated',
    simulatedNodes: 1,
    extendedResources: {},
    nodeLabels: {},
    pool: { kind: 'auto', sizeBytes: 0 },
    trashMs: 24 * 3_600_000,
    podCidr: '',
    serviceCidr: '10.96.0.0/16',
    nodePorts: { first: 30_000, last: 32_767 },
    watchWindowMs: 5 * 60_000,
    runtimeConfig: {},
    encryptionConfigFile: '',
    admissionConfigFile: '',
    disabledAdmission: [],
    enabledAdmission: [],
    authenticationConfigFile: '',
    oidc: undefined,
    maxRequestsInflight: 600,
    requestTimeoutMs: 60_000,
    audit: { policyFile: '', logFile: '', maxBytes: 100 * 1024 * 1024, maxBackups: 10, maxAgeMs: 0 },
    stopPods: false,
    certificateNames: [],
  };
}

/** A machine's name as a node may carry it: RFC 1123. */
export function nodeNameOf(hostname: string): string {
  const name = hostname
    .toLowerCase()
    .replace(/[^a-z0-9.-]/g, '-')
    .replace(/^[.-]+|[.-]+$/g, '');
  return name === '' ? 'node' : name.slice(0, 63);
}

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** `longest`: prefix; a longer one has too few addresses to be of use. */
function checkRange(option: string, cidr: string, longest: number): void {
  const [address = '', prefix = ''] = cidr.split('/');
  if (!isCidr(cidr) || !isIPv4(address)) throw new ConfigError(`${option} ${cidr}: a range of IPv4 addresses is expected, as 10.96.0.0/16`);
  if (Number(prefix) > longest) throw new ConfigError(`${option} ${cidr}: too few addresses; the prefix is at most /${longest}`);
}

/** What a pool keeps free, and room for one volume. */
const LEAST_POOL_BYTES = 128 * 2 ** 20;

/** Throws ConfigError, one line that names the option and the remedy. */
export function checkConfig(config: ClusterConfig): ClusterConfig {
  if (!isAbsolute(config.dataDirectory)) return checkConfig({ ...config, dataDirectory: resolve(config.dataDirectory) });
  if (!Number.isInteger(config.port) || config.port < 0 || config.port > 65_535)
    throw new ConfigError(`--port ${config.port}: a port is between 1 and 65535, or 0 for any`);
  if (config.nodeName !== nodeNameOf(config.nodeName))
    throw new ConfigError(`--node-name ${config.nodeName}: use lower-case letters, digits, '-' and '.', as in ${nodeNameOf(config.nodeName)}`);
  if (!Number.isInteger(config.simulatedNodes) || config.simulatedNodes < 0 || config.simulatedNodes > 10_000)
    throw new ConfigError(`--nodes ${config.simulatedNodes}: between 0 and 10000`);
  if (config.requestTimeoutMs < 1000) throw new ConfigError(`--request-timeout ${config.requestTimeoutMs}ms: at least 1s`);
  if (!Number.isInteger(config.maxRequestsInflight) || config.maxRequestsInflight < 8)
    throw new ConfigError(`--max-requests-inflight ${config.maxRequestsInflight}: at least 8, one for each priority level`);
  if (config.pool.sizeBytes !== 0 && config.pool.sizeBytes < LEAST_POOL_BYTES)
    throw new ConfigError(`--pool-size ${config.pool.sizeBytes}: at least ${LEAST_POOL_BYTES / 2 ** 20}Mi; a plain number is bytes, 20Gi are twenty gibibytes`);
  const unknown = unknownVersion(config.runtimeConfig);
  if (unknown !== undefined)
    throw new ConfigError(`--runtime-config ${unknown}: Kubernetes 1.36 has no such version; GROUP/VERSION is expected, as coordination.k8s.io/v1beta1`);
  if (config.oidc !== undefined && config.authenticationConfigFile !== '')
    throw new ConfigError('--authentication-config and --oidc-issuer-url exclude each other: put the provider into the file');
  if (config.oidc !== undefined) checkOidc(config.oidc);
  if ((config.audit.policyFile === '') !== (config.audit.logFile === '')) throw new ConfigError('--audit-policy and --audit-log belong together: name both');
  checkRange('--service-cidr', config.serviceCidr, 28);
  if (config.podCidr !== '') checkRange('--pod-cidr', config.podCidr, 29);
  for (const [key, value] of Object.entries(config.nodeLabels)) {
    const [fault] = [...qualifiedNameFaults(key), ...labelValueFaults(value)];
    if (fault !== undefined) throw new ConfigError(`--node-label ${key}=${value}: ${fault}`);
  }
  for (const [name, count] of Object.entries(config.extendedResources)) {
    if (!name.includes('/')) throw new ConfigError(`--extended-resource ${name}: the name needs a domain, as in nvidia.com/gpu=2`);
    if (!Number.isInteger(count) || count < 0) throw new ConfigError(`--extended-resource ${name}=${count}: the count is a whole number`);
  }
  return config;
}

function checkOidc({ issuer, audiences, algorithms }: OidcSettings): void {
  if (issuer === '') throw new ConfigError('--oidc-issuer-url is required with --oidc-client-id');
  if (!issuer.startsWith('https://') || !URL.canParse(issuer)) throw new ConfigError(`--oidc-issuer-url ${issuer}: an https URL is expected`);
  const { username, password, search, hash } = new URL(issuer);
  if (username + password + search + hash !== '') throw new ConfigError(`--oidc-issuer-url ${issuer}: a URL without user, query and fragment is expected`);
  if (audiences.includes('')) throw new ConfigError('--oidc-client-id is required with --oidc-issuer-url');
  const wrong = algorithms.find((each) => !(OIDC_ALGORITHMS as readonly string[]).includes(each));
  if (wrong !== undefined) throw new ConfigError(`--oidc-signing-algs ${wrong}: one of ${OIDC_ALGORITHMS.join(', ')} is expected`);
}
