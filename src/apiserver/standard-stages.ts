import type { Clock } from '../base/clock.ts';
import type { Keys } from '../base/keys.ts';
import type { Random } from '../base/random.ts';
import { builtinFacts } from '../api/facts.ts';
import type { Facts } from '../schema/facts.ts';
import { admissionChain } from './admission/chain.ts';
import type { PodSecurityOptions } from './admission/pod-security.ts';
import type { Audit } from './audit/trail.ts';
import type { NoteUse } from './authn/secret-token.ts';
import { anyToken, authenticator, DEFAULT_SIGN_IN, type SignIn, tokenChecker } from './authn/authenticate.ts';
import { impersonator } from './authn/impersonate.ts';
import { openidRoutes } from './authn/openid.ts';
import { selfSubjectReviews, tokenReviews } from './authn/reviews.ts';
import type { TokenIssuer } from './authn/service-account-token.ts';
import { tokenSubresource } from './authn/token-request.ts';
import { accessReviews } from './authz/access-reviews.ts';
import { privilegedGroups, unionOf } from './authz/authorizer.ts';
import { nodeAuthorizer } from './authz/node.ts';
import { NodeRelations } from './authz/node-relations.ts';
import { rbacAuthorizer } from './authz/rbac.ts';
import { followRbac } from './authz/rbac-source.ts';
import { parseRule } from './bootstrap/policy-rules.ts';
import { CLUSTER_ROLES } from './bootstrap/policy-roles.ts';
import type { Dial } from './dial.ts';
import { rootPathsRoutes } from './discovery/root-paths.ts';
import { discoveryRoutes, type ServedKinds } from './discovery/routes.ts';
import { dumpRoutes } from './fairness/dump.ts';
import { fairShareGauges } from './fairness/gauges.ts';
import { fairShare } from './fairness/share.ts';
import { componentStatuses } from './health/component-statuses.ts';
import { type HealthCheck, HealthFigures, healthPaths, healthRoutes } from './health/health.ts';
import { buildInfo, type VersionInfo, versionRoute } from './health/version.ts';
import { AccessMetrics } from './metrics/access-metrics.ts';
import { AdmissionMetrics } from './metrics/admission-metrics.ts';
import { RequestMetrics } from './metrics/request-metrics.ts';
import { StoreMetrics } from './metrics/store-metrics.ts';
import { type Gauge, metricsRoute, sliRoute } from './metrics/route.ts';
import type { Descriptions } from './openapi/descriptions.ts';
import { openApiRoutes } from './openapi/routes.ts';
import type { Route, Stages, StoredReader } from './stages.ts';
import { streamSubresources } from './subresources/standard.ts';

export interface StandardStagesOptions {
  readonly reader: StoredReader;
  readonly served: ServedKinds;
  /** Of the types that OpenAPI describes; those of Kubernetes 1.36 when absent. */
  readonly facts?: Facts | undefined;
  /** What is written about them; absent: they are explained by their types. */
  readonly descriptions?: Descriptions | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** The service-account key. */
  readonly keys: Keys;
  /** Issuer of service-account tokens, and the only audience unless others are given. */
  readonly issuer?: string | undefined;
  readonly audiences?: readonly string[] | undefined;
  /** `host:port` as clients reach it. */
  readonly serverAddress: () => string;
  readonly version: VersionInfo;
  /** Absent: nothing leads to nodes and pods (a server without any). */
  readonly dial?: Dial | undefined;
  /** Besides `ping`: the store's health, and the bootstrap objects (`only: 'ready'`). */
  readonly checks: readonly HealthCheck[];
  /** Paths beside the standard ones. */
  readonly routes?: readonly Route[] | undefined;
  /** Figures for `/metrics` beside those about requests. */
  readonly gauges?: readonly Gauge[] | undefined;
  /** Requests that are worked on at a time, in-process ones apart. Absent: no priority and fairness. */
  readonly seats?: number | undefined;
  /** Who may come in beside certificates and the cluster's own tokens; absent: everybody, as anonymous. */
  readonly signIn?: (() => SignIn) | undefined;
  readonly audit?: Audit | undefined;
  readonly noteSecretToken?: NoteUse | undefined;
  readonly disabledAdmission?: readonly string[] | undefined;
  /** Plugins that run only when they are named. */
  readonly enabledAdmission?: readonly string[] | undefined;
  readonly podSecurity?: PodSecurityOptions | undefined;
  /** As the server's; long answers are made in slices between which others have the event loop. Absent: at once. */
  readonly yieldToLoop?: (() => Promise<void>) | undefined;
}

/** A quarter of Kubernetes' request timeout. */
const MAX_WAIT_MS = 15_000;

export const ISSUER = 'https://kubernetes.default.svc.cluster.local';

/** Everything around the core as a Kubernetes cluster has it: RBAC and Node authorization, the default admission, discovery. */
export function standardStages(options: StandardStagesOptions): Stages & Disposable {
  const { reader, clock, random, keys, issuer = ISSUER } = options;
  const tokens: TokenIssuer = { keys, issuer, audiences: options.audiences ?? [issuer] };
  const rbac = followRbac(reader);
  const relations = new NodeRelations(reader);
  const nodeRules = (CLUSTER_ROLES['system:node'] ?? []).map(parseRule);
  const authorize = unionOf([privilegedGroups('system:masters'), nodeAuthorizer(relations, nodeRules), rbacAuthorizer(rbac.index)]);
  const requests = new RequestMetrics();
  const access = new AccessMetrics();
  const health = new HealthFigures();
  const admission = admissionChain({
    random,
    keys,
    authorize,
    rbac: rbac.index,
    kinds: () => options.served.kinds(),
    disabled: options.disabledAdmission ?? [],
    enabled: options.enabledAdmission ?? [],
    podSecurity: options.podSecurity,
  });
  const admissionMetrics = new AdmissionMetrics(clock);
  const storeMetrics = new StoreMetrics();
  const share = options.seats === undefined ? undefined : fairShare({ reader, clock, seats: options.seats, maxWaitMs: MAX_WAIT_MS });
  const signIn = options.signIn ?? (() => DEFAULT_SIGN_IN);
  const authentication = { tokens, reader, clock, signIn, noteSecretToken: options.noteSecretToken };
  const check = anyToken(tokenChecker(authentication), tokens.audiences, signIn);
  const facts = options.facts ?? builtinFacts;
  const routes: readonly Route[] = [
    ...discoveryRoutes({ ...options, facts }),
    ...openApiRoutes({
      served: options.served,
      facts,
      descriptions: options.descriptions,
      clock,
      keys,
      version: options.version.gitVersion,
      yieldToLoop: options.yieldToLoop ?? (() => Promise.resolve()),
    }),
    ...healthRoutes(options.checks, health),
    versionRoute(options.version),
    ...(options.routes ?? []),
    ...openidRoutes(tokens, options.serverAddress),
    sliRoute(health.gauges),
    metricsRoute(requests, [
      buildInfo(options.version),
      ...health.gauges,
      ...access.gauges,
      ...requests.gauges,
      ...admissionMetrics.gauges,
      ...storeMetrics.gauges,
      deprecatedApis(requests, options.served),
      ...(options.gauges ?? []),
      ...(share === undefined ? [] : [...fairShareGauges(share.figures), ...share.times.gauges]),
    ]),
    ...(share === undefined ? [] : dumpRoutes(share)),
  ];
  return {
    authenticate: access.authenticate(authenticator(authentication, check)),
    impersonate: impersonator(authorize),
    authorize: access.authorize(authorize),
    admission,
    admissionTimes: admissionMetrics,
    storeTimes: storeMetrics,
    routes: [...routes, ...rootPathsRoutes(options.served, routes, healthPaths(options.checks))],
    objectSubresources: [tokenSubresource(tokens, random)],
    streamSubresources: options.dial === undefined ? [] : streamSubresources(options.dial, authorize, random),
    virtualResources: [
      componentStatuses({ 'etcd-0': storeHealth(options.checks) }),
      tokenReviews(check, tokens.audiences),
      selfSubjectReviews,
      ...accessReviews(authorize, rbac.index),
    ],
    audit: options.audit,
    share,
    onBegin: (attributes, takesLong) => requests.begin(attributes, takesLong),
    onRequest: (record) => requests.record(record),
    [Symbol.dispose]: () => {
      rbac[Symbol.dispose]();
      relations[Symbol.dispose]();
      share?.[Symbol.dispose]();
    },
  };
}

function deprecatedApis(requests: RequestMetrics, served: ServedKinds): Gauge {
  return {
    name: 'apiserver_requested_deprecated_apis',
    help: 'Gauge of deprecated APIs that have been requested, broken out by API group, version, resource, subresource, and removed_release.',
    values: () => {
      const deprecated = new Set(served.kinds().flatMap((kind) => (kind.deprecation === undefined ? [] : [`${kind.group}/${kind.version}/${kind.resource}`])));
      return requests.deprecated(({ group, version, resource }) => deprecated.has(`${group}/${version}/${resource}`));
    },
  };
}

/** The store stands where people look for etcd. */
function storeHealth(checks: readonly HealthCheck[]): HealthCheck['check'] {
  return checks.find(({ name }) => name === 'store')?.check ?? (() => undefined);
}
