import type { Component, ComponentOptions } from '../client/component.ts';
import { type CertificateSigner, startCertificateSigning } from './certificate-signing.ts';
import { startClusterRoleAggregation } from './cluster-role-aggregation.ts';
import { startDeploymentController } from './deployment/deployment.ts';
import { startEphemeralVolumes } from './ephemeral-volume.ts';
import { startGarbageCollector } from './garbage-collector/garbage-collector.ts';
import { builtinKindSource } from './kinds.ts';
import { startNamespaceController } from './namespace.ts';
import { startNodeLifecycle } from './node-lifecycle.ts';
import { startPodCollector } from './pod-gc.ts';
import { startReplicaSetController } from './replica-set.ts';
import { startResourceQuotaController } from './resource-quota.ts';
import { together } from '../client/controller.ts';
import { startServiceAccountController } from './service-account.ts';
import { startStatefulSetController } from './stateful-set/stateful-set.ts';
import { startVolumeProtection } from './volume-protection.ts';

export interface ControllersOptions extends ComponentOptions {
  /** The certificate authority that pods use to check the API server. */
  readonly caPem: string;
  /** Of the CSR API; absent: nobody signs. */
  readonly signer?: CertificateSigner | undefined;
}

/** Every controller of this folder, ended together. */
export function startControllers(options: ControllersOptions): Component {
  const kinds = builtinKindSource();
  return together('controllers', [
    startServiceAccountController(options, options.caPem),
    startNamespaceController(options, kinds),
    startReplicaSetController(options),
    startDeploymentController(options),
    startStatefulSetController(options),
    startGarbageCollector(options, kinds),
    startNodeLifecycle(options),
    startPodCollector(options),
    startVolumeProtection(options),
    startEphemeralVolumes(options),
    startResourceQuotaController(options, kinds),
    startClusterRoleAggregation(options),
    ...(options.signer === undefined ? [] : [startCertificateSigning(options, options.signer)]),
  ]);
}
