import type { SignIn } from '../apiserver/authn/authenticate.ts';
import { ADMIN, CONTROLLERS, KUBELET_CLIENT, NETWORK_NOTICES, nodeIdentity, SCHEDULER, STORAGE } from '../apiserver/bootstrap/identities.ts';
import type { ClusterAddresses } from '../apiserver/bootstrap/objects.ts';
import { createHash } from 'node:crypto';
import type { AuditPolicy } from '../apiserver/audit/policy.ts';
import type { Listening } from '../apiserver/http/front.ts';
import type { Clock } from '../base/clock.ts';
import { Disposals } from '../base/disposal.ts';
import { loopTurns } from '../base/loop-turns.ts';
import { failure, type Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { startControllers } from '../controllers/controllers.ts';
import { startNetworkNotices } from '../network/notices.ts';
import type { RuntimeProbe } from '../node/runtime/probe.ts';
import { startScheduler } from '../scheduler/scheduler.ts';
import { startStorage } from '../storage/storage.ts';
import { openSqliteStore } from '../store/sqlite.ts';
import { defaultStoreSettings } from '../store/settings.ts';
import { certificateSigner } from './certificate-signer.ts';
import { readAdmissionConfig } from './admission-config.ts';
import { AuditLog, readAuditPolicyFile } from './audit-log.ts';
import { ISSUER } from '../apiserver/standard-stages.ts';
import { Certificates, type KeyPair } from './certificates.ts';
import { type Chosen, chooseRuntime } from './choose-runtime.ts';
import { type ClusterConfig, defaultConfig } from './config.ts';
import type { EncryptionSeal } from './encryption.ts';
import { FollowedEncryption } from './encryption-reload.ts';
import { probeMachine } from './containerd.ts';
import { ControlPlane } from './control-plane.ts';
import { type ClusterIdentity, holdDataDirectory, type Layout, layoutOf, openDataDirectory, replaceFile, writeIdentity } from './data-directory.ts';
import { type ClusterCertificates, ensureCertificates, keepCertificatesFresh, type LeafName } from './identities.ts';
import { formatKubeconfig } from './kubeconfig.ts';
import { dialFrom } from './dial.ts';
import { type LocalNode, startLocalNode } from './local-node.ts';
import { choosePodCidr, choosePort, listenAnywhere, nodeAddress, takenNetworks } from './network-plan.ts';
import { ecKeys } from './node-keys.ts';
import { profilingRoutes } from './profiling.ts';
import { openSignIn } from './sign-in.ts';
import { PackedDescriptions } from './packed-descriptions.ts';
import { forgetRunning, writeRunning } from './running.ts';
import { startSimulatedNodes } from './simulated-nodes.ts';

export interface ClusterSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Told of each stage of the start, with the milliseconds that it took. */
  readonly stage: (name: string, ms: number) => void;
  /** For the user: what is missing on this machine, and what follows. */
  readonly say: (text: string) => void;
}

export interface Cluster {
  /** `https://127.0.0.1:6443` */
  readonly server: string;
  readonly kubeconfigFile: string;
  /** Rejects when the cluster can't go on. */
  readonly failed: Promise<never>;
  /** Clean: what is acknowledged is on disk, watches end, pods stay unless they are to be stopped. */
  stop(options: { readonly pods: boolean }): Promise<void>;
}

/** Starts a cluster, or brings it back: same UIDs, same containers, same volumes. Throws one line that says what is wrong. */
export async function startCluster(config: ClusterConfig, around: ClusterSurroundings): Promise<Cluster> {
  const ends = new Disposals();
  try {
    return await new Start(config, around, ends).run();
  } catch (thrown) {
    await ends[Symbol.asyncDispose]();
    throw thrown;
  }
}

class Start {
  readonly #config: ClusterConfig;
  readonly #around: ClusterSurroundings;
  readonly #ends: Disposals;
  readonly #layout: Layout;
  #lastMs: number;
  /** Where this machine's node listens; known for good once it does. */
  #nodePort = 0;
  #node: LocalNode | undefined;
  /** The one of the moment, with which the API server comes to nodes. */
  #kubeletClient: KeyPair | undefined;

  constructor(config: ClusterConfig, around: ClusterSurroundings, ends: Disposals) {
    this.#config = config;
    this.#around = around;
    this.#ends = ends;
    this.#layout = layoutOf(config.dataDirectory);
    this.#lastMs = around.clock.monotonic();
  }

  async run(): Promise<Cluster> {
    const { clock, random, log, say } = this.#around;
    const config = this.#config;
    this.#ends.use(await holdDataDirectory(this.#layout));
    const identity = await this.#identity();
    const address = nodeAddress();
    let addresses: ClusterAddresses = {
      serviceIp: firstAddress(config.serviceCidr),
      serviceCidr: config.serviceCidr,
      advertiseIp: address,
      port: identity.apiPort,
    };
    const [authorities, { probe, ...chosen }] = await Promise.all([Certificates.open(this.#layout.certificates, clock), this.#runtime(identity)]);
    if (chosen.because !== undefined) say(chosen.because);
    const names = {
      nodeName: config.nodeName,
      serviceIp: addresses.serviceIp,
      addresses: [...new Set([address, config.bindAddress])].filter((each) => each !== '0.0.0.0' && each !== '::'),
      extra: config.certificateNames,
    };
    const users = { admin: ADMIN, kubeletClient: KUBELET_CLIENT, node: nodeIdentity(config.nodeName) };
    const certificates = await ensureCertificates(authorities, names, users);
    this.#kubeletClient = certificates.kubeletClient;
    this.#stage('certificates');
    const plane = await this.#controlPlane(() => addresses, authorities.caPem, certificates);
    this.#stage('store');
    // The store's lock is ours: from here on `berth down` finds this process, although it has no address yet.
    this.#ends.add(() => forgetRunning(this.#layout));
    await writeRunning(this.#layout, { server: '', findings: [] });
    const tls = { key: certificates.server.keyPem, cert: certificates.server.certPem, clientCa: authorities.caPem };
    const listen = (port: number): Promise<Listening> => plane.api.listen({ host: config.bindAddress, port, tls });
    const listening = config.port === 0 ? await listenAnywhere(listen, identity.apiPort) : await listen(config.port);
    addresses = { ...addresses, port: listening.port };
    await plane.bootstrap();
    const server = `https://${config.bindAddress === '0.0.0.0' || config.bindAddress === '::' ? address : config.bindAddress}:${listening.port}`;
    const writeKubeconfig = (admin: KeyPair): Promise<void> => this.#writeKubeconfig(server, authorities.caPem, admin);
    await writeKubeconfig(certificates.admin);
    this.#keepFresh(authorities, { names, users }, listening, writeKubeconfig);
    this.#stage('API server ready');
    const signer = certificateSigner(() => ({ certPem: authorities.caPem, keyPem: authorities.caKeyPem }), clock);
    const sha256 = (data: Uint8Array): Uint8Array => createHash('sha256').update(data).digest();
    this.#ends.use(startControllers({ ...plane.controllerOptions(CONTROLLERS, 'kube-controller-manager'), caPem: authorities.caPem, signer, sha256 }));
    this.#ends.use(await startScheduler(plane.componentOptions(SCHEDULER, 'default-scheduler')));
    const deleteHostPath = async (path: string): Promise<void> => {
      if (this.#node === undefined) throw new Error('the node has not started yet');
      await this.#node.deleteHostPath(path);
    };
    this.#ends.use(
      await startStorage({ ...plane.controllerOptions(STORAGE, 'berth-storage'), ...(chosen.runtime === 'containerd' ? { deleteHostPath } : {}) }),
    );
    this.#ends.use(startNetworkNotices(plane.componentOptions(NETWORK_NOTICES, 'berth-network')));
    const findings: string[] = [];
    if (probe !== undefined && chosen.runtime === 'containerd') {
      const node = await startLocalNode({
        config,
        identity,
        layout: this.#layout,
        plane,
        probe,
        certificates,
        caPem: authorities.caPem,
        address,
        clock,
        random,
        log,
      });
      this.#node = node;
      this.#nodePort = node.port;
      this.#ends.add(() => node[Symbol.asyncDispose]());
      findings.push(...node.findings);
      for (const finding of findings) say(`note: ${finding}`);
    } else {
      findings.push(chosen.because ?? 'the node is simulated: pods only say that they run');
      this.#ends.use(await startSimulatedNodes({ config, identity, plane, clock, random, log }));
    }
    this.#stage('node started');
    await writeIdentity(this.#layout, {
      ...identity,
      runtime: chosen.runtime,
      apiPort: listening.port,
      nodePort: this.#nodePort === 0 ? identity.nodePort : this.#nodePort,
    });
    await writeRunning(this.#layout, { server, findings });
    return this.#cluster(server);
  }

  async #runtime(identity: ClusterIdentity): Promise<Chosen & { readonly probe: RuntimeProbe | undefined }> {
    const probe = this.#config.runtime === 'containerd' ? await probeMachine(identity) : undefined;
    return { ...chooseRuntime(identity.runtime, probe), probe };
  }

  /** Identity, ports and networks: chosen once, then kept. */
  async #identity(): Promise<ClusterIdentity> {
    const { random } = this.#around;
    const { bindAddress, port, podCidr } = this.#config;
    const defaultDirectory = defaultConfig({ root: process.getuid?.() === 0, hostname: '' }).dataDirectory;
    const found = await openDataDirectory(this.#layout, random, defaultDirectory);
    const wanted = port === 0 ? [found.apiPort, 6443] : [port];
    const apiPort = await choosePort(bindAddress, wanted);
    if (port !== 0 && apiPort !== port)
      throw new Error(`--port ${port}: something else listens there on ${bindAddress}; name another port, or 0 for a free one`);
    const identity: ClusterIdentity = {
      ...found,
      apiPort,
      nodePort: await choosePort(
        '127.0.0.1',
        [found.nodePort, 10250].filter((each) => each !== apiPort),
      ),
      podCidr: podCidr !== '' ? podCidr : found.podCidr !== '' ? found.podCidr : choosePodCidr(Number.parseInt(found.id.slice(0, 4), 16), takenNetworks()),
    };
    if (JSON.stringify(identity) !== JSON.stringify(found)) await writeIdentity(this.#layout, identity);
    return identity;
  }

  async #controlPlane(addresses: () => ClusterAddresses, caPem: string, certificates: ClusterCertificates): Promise<ControlPlane> {
    const { clock, random, log } = this.#around;
    const { watchWindowMs, runtimeConfig, nodePorts, encryptionConfigFile } = this.#config;
    const seal = encryptionConfigFile === '' ? undefined : await this.#seal(encryptionConfigFile);
    const audit = await this.#audit();
    const admission = this.#config.admissionConfigFile === '' ? undefined : await readAdmissionConfig(this.#config.admissionConfigFile);
    const plane = await ControlPlane.open({
      clock,
      random,
      log,
      keys: ecKeys({ privatePem: certificates.serviceAccountKeyPem, trustedPems: certificates.earlierServiceAccountPems }),
      openStore: (project) =>
        openSqliteStore({ directory: this.#layout.store, clock, project, log, settings: { ...defaultStoreSettings, watchWindowMs }, seal }),
      yieldToLoop: loopTurns(setImmediate),
      addresses,
      caPem,
      serviceCidr: this.#config.serviceCidr,
      nodePorts,
      runtimeConfig,
      descriptions: new PackedDescriptions(log.child('apiserver')),
      audit,
      signIn: await this.#signIn(),
      routes: profilingRoutes(clock),
      disabledAdmission: this.#config.disabledAdmission,
      enabledAdmission: this.#config.enabledAdmission,
      podSecurity: admission?.podSecurity,
      // As kube-apiserver names it: the plugins that encryption needs.
      checks: seal?.prepare === undefined ? [] : [{ name: 'kms-providers', check: () => seal.health }],
      seats: this.#config.maxRequestsInflight,
      requestTimeoutMs: this.#config.requestTimeoutMs,
      dial: dialFrom({
        nodeName: this.#config.nodeName,
        nodePort: () => this.#nodePort,
        caPem,
        client: () => this.#kubeletClient ?? certificates.kubeletClient,
      }),
    });
    this.#ends.add(() => plane[Symbol.asyncDispose]());
    return plane;
  }

  /** Ends after the store, which it is for. */
  async #seal(file: string): Promise<EncryptionSeal> {
    const { clock, random, log } = this.#around;
    const seal = await FollowedEncryption.open(file, { clock, random, log: log.child('encryption') });
    this.#ends.use(seal);
    return seal;
  }

  async #signIn(): Promise<() => SignIn> {
    const { clock, log } = this.#around;
    return this.#ends.use(await openSignIn(this.#config, { clock, log: log.child('sign-in'), issuer: ISSUER })).signIn;
  }

  /** Ends after the API server, whose last events it takes. */
  async #audit(): Promise<{ readonly policy: AuditPolicy; readonly sink: AuditLog } | undefined> {
    const { policyFile, logFile, ...bounds } = this.#config.audit;
    if (logFile === '') return undefined;
    const { clock, log } = this.#around;
    const policy = await readAuditPolicyFile(policyFile);
    const sink = await AuditLog.open({ file: logFile, ...bounds, clock, log: log.child('audit') });
    this.#ends.add(() => sink[Symbol.asyncDispose]());
    return { policy, sink };
  }

  /** However long it runs, no certificate of the cluster ends. */
  #keepFresh(
    authorities: Certificates,
    about: Parameters<typeof keepCertificatesFresh>[1],
    listening: Listening,
    writeKubeconfig: (admin: KeyPair) => Promise<void>,
  ): void {
    const failed = (leaf: LeafName, cause: unknown): void =>
      this.#around.log.error('a certificate could not be renewed', { certificate: leaf, ...failure(cause) });
    const renewed = {
      server: ({ certPem, keyPem }: KeyPair) => listening.renew({ key: keyPem, cert: certPem, clientCa: authorities.caPem }),
      admin: (admin: KeyPair) => void writeKubeconfig(admin).catch((cause: unknown) => failed('admin', cause)),
      kubeletClient: (pair: KeyPair) => {
        this.#kubeletClient = pair;
      },
      node: (pair: KeyPair) => this.#node?.renew(pair),
    };
    this.#ends.use(keepCertificatesFresh(authorities, about, renewed, failed));
  }

  async #writeKubeconfig(server: string, caPem: string, admin: KeyPair): Promise<void> {
    await replaceFile(
      this.#layout.kubeconfig,
      formatKubeconfig({ cluster: 'berth', user: 'admin', server, caPem, credentials: { certPem: admin.certPem, keyPem: admin.keyPem } }),
    );
  }

  #stage(name: string): void {
    const nowMs = this.#around.clock.monotonic();
    this.#around.stage(name, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
  }

  #cluster(server: string): Cluster {
    const node = this.#node;
    const layout = this.#layout;
    const ends = this.#ends;
    return {
      server,
      kubeconfigFile: layout.kubeconfig,
      failed: node?.failed ?? new Promise<never>(() => {}),
      stop: async ({ pods }) => {
        node?.stopPodsAtEnd(pods);
        await ends[Symbol.asyncDispose]();
      },
    };
  }
}

/** `10.96.0.0/16` gives `10.96.0.1`: the address of the Service `kubernetes`. */
function firstAddress(cidr: string): string {
  const parts = (cidr.split('/')[0] ?? '').split('.').map(Number);
  return [...parts.slice(0, 3), (parts[3] ?? 0) + 1].join('.');
}
