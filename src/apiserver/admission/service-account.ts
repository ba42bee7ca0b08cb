import { nameSuffix, type Random } from '../../base/random.ts';
import { pods, serviceAccounts } from '../../api/gen/resources.ts';
import type { Container, EphemeralContainer, Pod, ServiceAccount, Volume } from '../../api/gen/types/core.v1.ts';
import type { Draft, Stored } from '../../machinery/object.ts';
import { getOwn } from '../../machinery/record.ts';
import { referencesOf } from '../authz/node-relations.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../stages.ts';
import { storedGet } from '../stored.ts';
import { draftOf, isAbout, refuse } from './request.ts';

const VOLUME_PREFIX = 'kube-api-access-';
const MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
/** A little over an hour: kubelets ask for a new token at 80 % of its life. */
const TOKEN_SECONDS = 60 * 60 + 7;
const MIRROR = 'kubernetes.io/config.mirror';
const ENFORCE_SECRETS = 'kubernetes.io/enforce-mountable-secrets';
const TRUE: ReadonlySet<string> = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);

/** ServiceAccount: every pod runs as one, and gets its token, the cluster's CA and its namespace mounted. */
export function serviceAccountAdmission(random: Random): AdmissionPlugin {
  return {
    name: 'ServiceAccount',
    handles: (request) => isAbout(request, pods, 'CREATE') || isEphemeral(request),
    admit(request) {
      if (isEphemeral(request)) return;
      const pod = draftOf(request, pods);
      // A node is told here already what its own rules would refuse in other words.
      if (isMirror(pod)) return validateMirror(request, pod);
      if (pod.spec === undefined) return;
      if ((pod.spec.serviceAccountName ?? '') === '') pod.spec.serviceAccountName = 'default';
      // The deprecated name of the same field shows the same value.
      pod.spec.serviceAccount = pod.spec.serviceAccountName;
      const account = accountOf(request, pod);
      if (wantsToken(account, pod)) mountToken(pod, random);
      if ((pod.spec.imagePullSecrets ?? []).length === 0 && account.imagePullSecrets !== undefined && account.imagePullSecrets.length > 0) {
        pod.spec.imagePullSecrets = account.imagePullSecrets.map((secret) => ({ ...secret }));
      }
    },
    validate(request) {
      const pod = draftOf(request, pods);
      if (isMirror(pod)) return isEphemeral(request) ? undefined : validateMirror(request, pod);
      const account = accountOf(request, pod);
      if (!TRUE.has(getOwn(account.metadata.annotations, ENFORCE_SECRETS) ?? '')) return;
      if (isEphemeral(request)) limitTo(request, account, ofContainers(pod.spec?.ephemeralContainers, 'ephemeral container'));
      else limitSecrets(request, account, pod);
    },
  };
}

function isEphemeral({ kind, resource, subresource, operation }: AdmissionRequest): boolean {
  return kind.group === '' && resource === pods.resource && subresource === 'ephemeralcontainers' && operation === 'UPDATE';
}

function isMirror(pod: Draft<Pod>): boolean {
  return getOwn(pod.metadata?.annotations, MIRROR) !== undefined;
}

/** What a kubelet shows of a pod that it runs from a file: it must not get rights by that. */
function validateMirror(request: AdmissionRequest, pod: Draft<Pod>): void {
  if ((pod.spec?.serviceAccountName ?? '') !== '') throw refuse(request, 'a mirror pod may not reference service accounts');
  if ([...referencesOf(pod as unknown as Stored<Pod>)].some((reference) => reference.startsWith('secrets/')))
    throw refuse(request, 'a mirror pod may not reference secrets');
  for (const { projected } of pod.spec?.volumes ?? []) {
    if ((projected?.sources ?? []).some(({ serviceAccountToken }) => serviceAccountToken !== undefined)) {
      throw refuse(request, 'a mirror pod may not use ServiceAccountToken volume projections');
    }
  }
}

function accountOf(request: AdmissionRequest, pod: Draft<Pod>): Stored<ServiceAccount> {
  const name = pod.spec?.serviceAccountName ?? '';
  const found = storedGet(request.reader, serviceAccounts, request.namespace, name);
  if (found === undefined) {
    throw refuse(request, `error looking up service account ${request.namespace}/${name}: serviceaccount ${JSON.stringify(name)} not found`);
  }
  return found;
}

/** The pod's own word counts first, then its account's; said by neither: yes. */
function wantsToken(account: ServiceAccount, pod: Draft<Pod>): boolean {
  return pod.spec?.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
}

function mountToken(pod: Draft<Pod>, random: Random): void {
  const spec = pod.spec;
  if (spec === undefined) return;
  const existing = spec.volumes?.find((volume) => volume.name.startsWith(VOLUME_PREFIX));
  const name = existing?.name ?? `${VOLUME_PREFIX}${nameSuffix(random)}`;
  let needed = false;
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    if (container.volumeMounts?.some(({ mountPath }) => mountPath === MOUNT_PATH) === true) continue;
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath: MOUNT_PATH }];
    needed = true;
  }
  if (needed && existing === undefined) spec.volumes = [...(spec.volumes ?? []), tokenVolume(name)];
}

function tokenVolume(name: string): Draft<Volume> {
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: TOKEN_SECONDS, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
      ],
      defaultMode: 0o644,
    },
  };
}

/** An account that says so lets its pods use only the secrets that it lists. */
function limitSecrets(request: AdmissionRequest, account: Stored<ServiceAccount>, pod: Draft<Pod>): void {
  limitTo(request, account, referencedSecrets(pod));
  const pullable = new Set((account.imagePullSecrets ?? []).map(({ name }) => name));
  for (const [at, { name }] of (pod.spec?.imagePullSecrets ?? []).entries()) {
    if (!pullable.has(name)) {
      throw refuse(
        request,
        `imagePullSecrets[${at}].name=${JSON.stringify(name)} is not allowed because service account ${account.metadata.name} does not reference that imagePullSecret`,
      );
    }
  }
}

function limitTo(request: AdmissionRequest, account: Stored<ServiceAccount>, references: readonly SecretReference[]): void {
  const mountable = new Set((account.secrets ?? []).map(({ name }) => name));
  const wrong = references.find(({ name }) => !mountable.has(name));
  if (wrong === undefined) return;
  const what = `${wrong.where} secret.secretName=${JSON.stringify(wrong.name)}`;
  throw refuse(request, `${what} is not allowed because service account ${account.metadata.name} does not reference that secret`);
}

interface SecretReference {
  readonly name: string;
  /** In upstream's words, up to the secret. */
  readonly where: string;
}

function referencedSecrets({ spec }: Draft<Pod>): readonly SecretReference[] {
  const volumes = (spec?.volumes ?? []).flatMap(({ secret, projected }) => [
    ...(secret === undefined ? [] : [secret.secretName]),
    // Upstream looks away from these; what an account may not mount, it may not mount so either.
    ...(projected?.sources ?? []).flatMap((source) => (source.secret === undefined ? [] : [source.secret.name])),
  ]);
  return [
    ...volumes.filter((name) => name !== undefined).map((name) => ({ name, where: 'volume with' })),
    ...ofContainers(spec?.initContainers, 'init container'),
    ...ofContainers(spec?.containers, 'container'),
  ];
}

function ofContainers(containers: readonly Draft<Container | EphemeralContainer>[] | undefined, word: string): readonly SecretReference[] {
  return (containers ?? []).flatMap(({ name: container, env, envFrom }) => {
    const found: SecretReference[] = [];
    for (const { name, valueFrom } of env ?? []) {
      const secret = valueFrom?.secretKeyRef?.name;
      if (secret !== undefined) found.push({ name: secret, where: `${word} ${container} with envVar ${name} referencing` });
    }
    for (const { secretRef } of envFrom ?? []) {
      if (secretRef?.name !== undefined) found.push({ name: secretRef.name, where: `${word} ${container} with envFrom referencing` });
    }
    return found;
  });
}
