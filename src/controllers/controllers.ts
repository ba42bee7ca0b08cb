import type { Component, ControllerSetOptions } from '../client/component.ts';
import { startAttributesClassProtection } from './attributes-class-protection.ts';
import { type Digest, startBootstrapSigner, startTokenCleaner } from './bootstrap-tokens.ts';
import { startCertificateApproving } from './certificate-approving.ts';
import { type CertificateSigner, startCertificateSigning } from './certificate-signing.ts';
import { startClusterRoleAggregation } from './cluster-role-aggregation.ts';
import { startDeploymentController } from './deployment/deployment.ts';
import { startEphemeralVolumes } from './ephemeral-volume.ts';
import { startGarbageCollector } from './garbage-collector/garbage-collector.ts';
import { ServedKinds, startKindWatch } from './kinds.ts';
import { startNamespaceController } from './namespace.ts';
import { startControllerNotices } from './notices.ts';
import { startNodeLifecycle } from './node-lifecycle.ts';
import { startPodCollector } from './pod-gc.ts';
import { startReplicaSetController } from './replica-set.ts';
import { startResourceQuotaController } from './resource-quota.ts';
import { together } from '../client/controller.ts';
import { startRootCaPublisher, startServiceAccountController } from './service-account.ts';
import { startServiceAccountTokens } from './service-account-tokens.ts';
import { startStatefulSetController } from './stateful-set/stateful-set.ts';
import { startClaimProtection, startVolumeProtection } from './volume-protection.ts';

export interface ControllersOptions extends ControllerSetOptions {
  /** The certificate authority that pods use to check the API server. */
  readonly caPem: string;
  /** Of the CSR API; absent: nobody signs. */
  readonly signer?: CertificateSigner | undefined;
  /** For signatures of bootstrap tokens; absent: nobody signs `cluster-info`. */
  readonly sha256?: Digest | undefined;
}

/** Every controller of this folder, ended together. */
export function startControllers({ as, caPem, signer, sha256 }: ControllersOptions): Component {
  const collector = as('generic-garbage-collector');
  const kinds = new ServedKinds(collector.client);
  return together('controllers', [
    startKindWatch(collector, kinds),
    startServiceAccountController(as('service-account-controller')),
    startRootCaPublisher(as('root-ca-cert-publisher'), caPem),
    startServiceAccountTokens(as('berth-token-secrets'), caPem),
    startNamespaceController(as('namespace-controller'), kinds),
    startReplicaSetController(as('replicaset-controller')),
    startDeploymentController(as('deployment-controller')),
    startStatefulSetController(as('statefulset-controller')),
    startGarbageCollector(collector, kinds),
    startNodeLifecycle(as('node-controller')),
    startPodCollector(as('pod-garbage-collector')),
    startClaimProtection(as('pvc-protection-controller')),
    startVolumeProtection(as('pv-protection-controller')),
    startAttributesClassProtection(as('volumeattributesclass-protection-controller')),
    startEphemeralVolumes(as('ephemeral-volume-controller')),
    startResourceQuotaController(as('resourcequota-controller'), kinds),
    startControllerNotices(as('berth-notices')),
    startClusterRoleAggregation(as('clusterrole-aggregation-controller')),
    startTokenCleaner(as('token-cleaner')),
    ...(sha256 === undefined ? [] : [startBootstrapSigner(as('bootstrap-signer'), sha256)]),
    ...(signer === undefined
      ? []
      : [startCertificateSigning(as('certificate-controller'), signer), startCertificateApproving(as('certificate-controller'), signer)]),
  ]);
}
