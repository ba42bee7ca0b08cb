import { JSON_TYPES, META, type Operation } from './openapi-operations.ts';
import { groupId, groupTag, idGroup, type OpenApiKind, rootOf } from './openapi-paths.ts';

/** A path that no kind has: discovery, the version, the keys of service accounts. */
export interface Page {
  /** `/apis/apps/`: with a slash behind it, as Kubernetes' documents have it. */
  readonly path: string;
  readonly operation: Operation;
}

/** What the document of a page is called: `apis/apps`. */
export const pageName = ({ path }: Page): string => path.replace(/^\/|\/$/g, '');

/** The page of a group version, which stands in the document of its kinds. */
export function resourcesPage(version: { readonly group: string; readonly version: string }): Page {
  const operation = discovery('get available resources', `get${idGroup(version)}APIResources`, `${groupTag(version.group)}_${version.version}`);
  return { path: `${rootOf(version)}/`, operation: { ...operation, answer: `${META}.APIResourceList` } };
}

/** Those that have documents of their own. */
export function pagesOf(kinds: readonly OpenApiKind[]): readonly Page[] {
  const groups = [...new Set(kinds.map(({ group }) => group))].sort();
  return [
    ...groups.map((group) => (group === '' ? CORE : groupPage(group))),
    { path: '/apis/', operation: { ...discovery('get available API versions', 'getAPIVersions', 'apis'), answer: `${META}.APIGroupList` } },
    VERSION,
    ...OPENID,
  ];
}

const discovery = (description: string, operationId: string, tag: string): Operation => ({
  description,
  operationId,
  tag,
  consumes: JSON_TYPES,
  produces: JSON_TYPES,
});

const CORE: Page = {
  path: '/api/',
  operation: { ...discovery('get available API versions', 'getCoreAPIVersions', 'core'), answer: `${META}.APIVersions` },
};

const groupPage = (group: string): Page => ({
  path: `/apis/${group}/`,
  operation: { ...discovery('get information of a group', `get${groupId(group)}APIGroup`, groupTag(group)), answer: `${META}.APIGroup` },
});

const VERSION: Page = {
  path: '/version/',
  operation: {
    description: 'get the version of this server',
    operationId: 'getCodeVersion',
    tag: 'version',
    consumes: ['application/json'],
    produces: ['application/json'],
    answer: 'machinery.version.Info',
  },
};

const OPENID: readonly Page[] = [
  {
    path: '/.well-known/openid-configuration/',
    operation: {
      description: 'get the OpenID configuration of the service account issuer',
      operationId: 'getServiceAccountIssuerOpenIDConfiguration',
      tag: 'WellKnown',
      produces: ['application/json'],
      answer: 'text',
    },
  },
  {
    path: '/openid/v1/jwks/',
    operation: {
      description: 'get the public keys (JSON Web Key Set) that verify tokens of service accounts',
      operationId: 'getServiceAccountIssuerOpenIDKeyset',
      tag: 'openid',
      produces: ['application/jwk-set+json'],
      answer: 'text',
    },
  },
];
