/** What a client may send that is as much work as it can make it: the rows of `turns.ts`. */

export interface Row {
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: () => string | Uint8Array;
  readonly abreast?: number;
  readonly leaveAfterMs?: number;
  /** Done once before, not measured. */
  readonly before?: readonly { readonly method: Row['method']; readonly path: string; readonly body?: () => string }[];
  /** Measured once only: its work is done then. */
  readonly once?: boolean;
}

export const NAMESPACE = '/api/v1/namespaces/turns';
const MAPS = `${NAMESPACE}/configmaps`;
const PODS = `${NAMESPACE}/pods`;
/** 100,000 ConfigMaps and 10,000 pods are there. */
export const MANY_MAPS = '/api/v1/namespaces/many/configmaps';
export const MANY_PODS = '/api/v1/namespaces/many/pods';

const MIB = 1024 * 1024;
const APPLY = 'application/apply-patch+yaml';
const MERGE = 'application/merge-patch+json';
const STRATEGIC = 'application/strategic-merge-patch+json';
const OPERATIONS = 'application/json-patch+json';
const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const PARTIAL = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io';

const numbered = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);
const keyed = (count: number, value: string): Record<string, string> => Object.fromEntries(numbered(count).map((i) => [`key-${i}`, value]));

export function map(name: string, count: number, value = 'v', more: object = {}): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...more }, data: keyed(count, value) });
}

export function pod(name: string, spec: object = {}, metadata: object = {}): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name, ...metadata }, spec: { containers: [{ name: 'main', image: 'a' }], ...spec } });
}

const environment = (count: number, value: string): readonly object[] => numbered(count).map((i) => ({ name: `V_${i}`, value }));
const podOfVariables = (name: string, count: number, value: string): string =>
  pod(name, { containers: [{ name: 'main', image: 'a', env: environment(count, value) }] });
const text = (length: number): string => 'a'.repeat(length);

function widget(schema: object): string {
  return JSON.stringify({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'widgets.turns.example.com' },
    spec: {
      group: 'turns.example.com',
      names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
      scope: 'Namespaced',
      versions: [
        { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', ...schema } } } } },
      ],
    },
  });
}

const deep = (open: string, close: string, levels: number): string => open.repeat(levels) + close.repeat(levels);

/** A ConfigMap in protobuf with so many levels of unknown groups around nothing. */
function deepProtobuf(levels: number): Uint8Array {
  const type = Buffer.from([0x0a, 0x02, 0x76, 0x31, 0x12, 0x09, ...Buffer.from('ConfigMap')]);
  let raw = Buffer.alloc(0);
  for (let at = 0; at < levels; at++) raw = Buffer.concat([Buffer.from([0x0a]), varint(raw.length), raw]);
  return Buffer.concat([Buffer.from('k8s\0', 'latin1'), Buffer.from([0x0a]), varint(type.length), type, Buffer.from([0x12]), varint(raw.length), raw]);
}

function protobufMap(name: string, count: number): Uint8Array {
  const field = (tag: number, bytes: Uint8Array): Buffer => Buffer.concat([Buffer.from([tag]), varint(bytes.length), bytes]);
  const type = Buffer.concat([field(0x0a, Buffer.from('v1')), field(0x12, Buffer.from('ConfigMap'))]);
  const entries = numbered(count).map((i) => field(0x12, Buffer.concat([field(0x0a, Buffer.from(`key-${i}`)), field(0x12, Buffer.from('v'))])));
  const raw = Buffer.concat([field(0x0a, field(0x0a, Buffer.from(name))), ...entries]);
  return Buffer.concat([Buffer.from('k8s\0', 'latin1'), field(0x0a, type), field(0x12, raw)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}

const post = (name: string, path: string, body: () => string | Uint8Array, type = 'application/json'): Row => ({
  name,
  method: 'POST',
  path: `${path}?dryRun=All`,
  body,
  type,
});
const get = (name: string, path: string, accept?: string, more: Partial<Row> = {}): Row => ({
  name,
  method: 'GET',
  path,
  ...more,
  headers: { ...(accept === undefined ? {} : { accept }), ...more.headers },
});

const BIG = { method: 'POST', path: MAPS, body: () => map('big', 20_000) } as const;
const BIG_POD = { method: 'POST', path: PODS, body: () => podOfVariables('big', 8000, 'v') } as const;
const patch = (name: string, path: string, type: string, body: () => string, before: Row['before']): Row => ({
  name,
  method: 'PATCH',
  path: `${path}?fieldManager=turns&force=true`.replace(type === APPLY ? '' : '&force=true', ''),
  type,
  body,
  before: before ?? [],
});

const bodies: readonly Row[] = [
  post('1.5 million levels, 3 MB', MAPS, () => deep('[', ']', 1_500_000)),
  post('1.5 million levels in a field', MAPS, () => `{"apiVersion":"v1","kind":"ConfigMap","data":${deep('{"a":', '', 290_000)}`),
  post('900 levels', MAPS, () => `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":${'{"a":'.repeat(900)}1${'}'.repeat(900)}}`),
  post('200,000 keys, 3 MB', MAPS, () => map('a', 200_000)),
  post('4 MB', MAPS, () => map('a', 1, text(4 * MIB))),
  post('one text of 2.9 MB', MAPS, () => map('a', 1, text(2_900_000))),
  post('one text of 1 MB of escapes', MAPS, () => map('a', 1, '\u0001\n"'.repeat(90_000))),
  post('95,000 keys', MAPS, () => map('a', 95_000)),
  post('create 20,000 keys', MAPS, () => map('a', 20_000)),
  post('create 5,000 keys', MAPS, () => map('a', 5000)),
  post('20,000 keys twice each', MAPS, () => map('a', 20_000).replace('"data":{', () => `"data":{${JSON.stringify(keyed(20_000, 'w')).slice(1, -1)},`)),
  post('40,000 unknown fields, strict', `${MAPS}`, () =>
    JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, ...keyed(40_000, 'v') }),
  ),
  post('20,000 keys that are no keys', MAPS, () => map('a', 20_000).replaceAll('key-', 'no key ')),
  post('20,000 labels', MAPS, () => map('a', 1, 'v', { labels: keyed(20_000, 'v') })),
  post('20,000 annotations', MAPS, () => map('a', 1, 'v', { annotations: keyed(10_000, 'v') })),
  post('10,000 finalizers', MAPS, () => map('a', 1, 'v', { finalizers: numbered(10_000).map((i) => `example.com/f-${i}`) })),
  post('8,000 owners', MAPS, () =>
    map('a', 1, 'v', { ownerReferences: numbered(8000).map((i) => ({ apiVersion: 'v1', kind: 'Pod', name: `o-${i}`, uid: `u-${i}` })) }),
  ),
  post('a name of 1 MB', MAPS, () => map(text(MIB), 1)),
  post('a name that backtracks', MAPS, () => map(`${'a-'.repeat(500_000)}_`, 1)),
  post('a label of 1 MB', MAPS, () => map('a', 1, 'v', { labels: { a: `${'a-'.repeat(500_000)}!` } })),
  post('a label key that backtracks', MAPS, () => map('a', 1, 'v', { labels: { [`${'a.'.repeat(500_000)}/b`]: 'v' } })),
  post('pod of 8,000 variables', PODS, () => podOfVariables('a', 8000, 'v')),
  post('pod of 2,000 containers', PODS, () => pod('a', { containers: numbered(2000).map((i) => ({ name: `c-${i}`, image: 'a' })) })),
  post('pod of 5,000 volumes', PODS, () => pod('a', { volumes: numbered(5000).map((i) => ({ name: `v-${i}`, emptyDir: {} })) })),
  post('pod of 10,000 tolerations', PODS, () => pod('a', { tolerations: numbered(10_000).map((i) => ({ key: `k-${i}`, operator: 'Exists' })) })),
  post('a quantity of 1 MB of digits', PODS, () => pod('a', { containers: [{ name: 'main', image: 'a', resources: { requests: { cpu: '1'.repeat(MIB) } } }] })),
  post('a quantity with a huge exponent', PODS, () =>
    pod('a', { containers: [{ name: 'main', image: 'a', resources: { requests: { cpu: '1e2000000000' } } }] }),
  ),
  post('a number of 1 MB of digits', PODS, () => pod('a').replace('"spec":{', `"spec":{"priority":${'1'.repeat(MIB)},`)),
  post('an image name that backtracks', PODS, () => pod('a', { containers: [{ name: 'main', image: `${'a/'.repeat(500_000)}:` }] })),
  post('a command of 2,000 references', PODS, () => pod('a', { containers: [{ name: 'main', image: 'a', command: [`${'$('.repeat(400_000)}`] }] })),
  post('a cron schedule of 1 MB', '/apis/batch/v1/namespaces/turns/cronjobs', () =>
    JSON.stringify({
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'a' },
      spec: {
        schedule: `${'*/1,'.repeat(250_000)}1 * * * *`,
        jobTemplate: { spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'a', image: 'a' }] } } } },
      },
    }),
  ),
  post('a selector of 40,000 values', '/apis/apps/v1/namespaces/turns/deployments', () =>
    JSON.stringify({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'a' },
      spec: {
        selector: { matchExpressions: [{ key: 'a', operator: 'In', values: numbered(40_000).map(String) }] },
        template: { metadata: { labels: { a: '1' } }, spec: { containers: [{ name: 'a', image: 'a' }] } },
      },
    }),
  ),
  post('a role of 20,000 rules', '/apis/rbac.authorization.k8s.io/v1/clusterroles', () =>
    JSON.stringify({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'a' },
      rules: numbered(12_000).map((i) => ({ verbs: ['get'], apiGroups: [''], resources: [`r-${i}`] })),
    }),
  ),
  post('a signing request of 1 MB', '/apis/certificates.k8s.io/v1/certificatesigningrequests', () =>
    JSON.stringify({
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name: 'a' },
      spec: {
        signerName: 'example.com/a',
        usages: ['client auth'],
        request: Buffer.from(`-----BEGIN CERTIFICATE REQUEST-----\n${'QUFB\n'.repeat(200_000)}-----END CERTIFICATE REQUEST-----\n`).toString('base64'),
      },
    }),
  ),
  post('a token of 1 MB to review', '/apis/authentication.k8s.io/v1/tokenreviews', () =>
    JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: `${text(500_000)}.${text(500_000)}.a` } }),
  ),
  post('an access review of 90,000 groups', '/apis/authorization.k8s.io/v1/subjectaccessreviews', () =>
    JSON.stringify({
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: { user: 'a', groups: numbered(90_000).map((i) => `g-${i}`), resourceAttributes: { verb: 'get', resource: 'pods' } },
    }),
  ),
  post('a secret of 1 MB in base64', `${NAMESPACE}/secrets`, () =>
    JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' }, data: { a: Buffer.alloc(760_000, 7).toString('base64') } }),
  ),
  post('a custom resource of 1 MB with 30,000 values', '/apis/turns.example.com/v1/namespaces/turns/widgets', () =>
    JSON.stringify({
      apiVersion: 'turns.example.com/v1',
      kind: 'Widget',
      metadata: { name: 'a' },
      spec: { list: numbered(10_000).map((i) => ({ a: i, b: `v-${i}` })) },
    }),
  ),
  {
    ...post('a definition with a pattern that backtracks', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', () =>
      widget({ properties: { a: { type: 'string', pattern: '^(a+)+$' } } }),
    ),
  },
  post(
    'YAML of 1 MB, 20,000 keys',
    MAPS,
    () =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n${numbered(20_000)
        .map((i) => `  key-${i}: "${text(20)}"\n`)
        .join('')}`,
    'application/yaml',
  ),
  post(
    'YAML of 8 KB of aliases',
    MAPS,
    () =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\na: &a [x,x,x,x,x,x,x,x,x]\n${numbered(8)
        .map((i) => `${'bcdefghi'[i]}: &${'bcdefghi'[i]} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(',')}]\n`)
        .join('')}`,
    'application/yaml',
  ),
  post('YAML of 8 KB of flow maps', MAPS, () => `a: ${deep('{? ', '}', 900)}\n${'- '.repeat(900)}`, 'application/yaml'),
  post(
    'YAML of 8 KB of keys',
    MAPS,
    () =>
      `data:\n${numbered(900)
        .map((i) => ` k${i}: v\n`)
        .join('')}`,
    'application/yaml',
  ),
  post('JSON of 20,000 keys as YAML', MAPS, () => map('a', 20_000), 'application/yaml'),
  post('protobuf, 50,000 levels', MAPS, () => deepProtobuf(3000), PROTOBUF),
  post('protobuf, 20,000 keys', MAPS, () => protobufMap('a', 20_000), PROTOBUF),
  post('protobuf, 200,000 keys', MAPS, () => protobufMap('a', 200_000), PROTOBUF),
];

const changes: readonly Row[] = [
  { name: 'update all of 20,000 keys', method: 'PUT', path: `${MAPS}/big`, body: () => map('big', 20_000, String(Math.random())), before: [BIG] },
  {
    name: 'update by another, all of 20,000 keys',
    method: 'PUT',
    path: `${MAPS}/big?fieldManager=other`,
    body: () => map('big', 20_000, String(Math.random())),
    before: [BIG],
  },
  {
    name: 'update that changes nothing, 20,000 keys',
    method: 'PUT',
    path: `${MAPS}/same`,
    body: () => map('same', 20_000),
    before: [{ method: 'POST', path: MAPS, body: () => map('same', 20_000) }],
  },
  patch('merge patch of one of 20,000 keys', `${MAPS}/big`, MERGE, () => JSON.stringify({ data: { one: String(Math.random()) } }), [BIG]),
  patch('merge patch of 20,000 keys', `${MAPS}/big`, MERGE, () => JSON.stringify({ data: keyed(20_000, String(Math.random())) }), [BIG]),
  patch(
    'JSON patch of 10,000 operations',
    `${MAPS}/big`,
    OPERATIONS,
    () => JSON.stringify(numbered(10_000).map((i) => ({ op: 'replace', path: `/data/key-${i}`, value: String(Math.random()) }))),
    [BIG],
  ),
  patch(
    'JSON patch, 9,000 insertions at the front of a list',
    `${PODS}/big`,
    OPERATIONS,
    () => JSON.stringify(numbered(9000).map((i) => ({ op: 'add', path: '/spec/containers/0/env/0', value: { name: `N_${i}` } }))),
    [BIG_POD],
  ),
  patch(
    'JSON patch of 10,000 tests of the whole',
    `${MAPS}/big`,
    OPERATIONS,
    () => JSON.stringify(numbered(10_000).map(() => ({ op: 'test', path: '/data', value: {} }))),
    [BIG],
  ),
  patch(
    'JSON patch of copies of the whole',
    `${MAPS}/big`,
    OPERATIONS,
    () => JSON.stringify(numbered(1000).map((i) => ({ op: 'copy', from: '/data', path: `/annotations-${i}` }))),
    [BIG],
  ),
  patch(
    'JSON patch of moves of the whole',
    `${MAPS}/big`,
    OPERATIONS,
    () => JSON.stringify(numbered(9999).map((i) => ({ op: 'move', from: i % 2 === 0 ? '/data' : '/binaryData', path: i % 2 === 0 ? '/binaryData' : '/data' }))),
    [BIG],
  ),
  patch(
    'strategic patch of 8,000 variables',
    `${PODS}/big`,
    STRATEGIC,
    () => JSON.stringify({ spec: { containers: [{ name: 'main', env: environment(8000, String(Math.random())) }] } }),
    [BIG_POD],
  ),
  patch(
    'strategic patch that sorts 8,000 variables',
    `${PODS}/big`,
    STRATEGIC,
    () => JSON.stringify({ spec: { containers: [{ name: 'main', '$setElementOrder/env': numbered(8000).map((i) => ({ name: `V_${7999 - i}` })) }] } }),
    [BIG_POD],
  ),
  patch(
    'strategic patch that deletes 8,000 variables',
    `${PODS}/big`,
    STRATEGIC,
    () => JSON.stringify({ spec: { containers: [{ name: 'main', env: numbered(8000).map((i) => ({ name: `V_${i}`, $patch: 'delete' })) }] } }),
    [BIG_POD],
  ),
  patch('apply of 20,000 keys', `${MAPS}/applied`, APPLY, () => map('applied', 20_000, String(Math.random())), []),
  patch('apply of 20,000 keys that are there', `${MAPS}/applied2`, APPLY, () => map('applied2', 20_000), []),
  patch('apply of 20,000 keys that others own', `${MAPS}/big`, APPLY, () => map('big', 20_000, String(Math.random())), [BIG]),
  {
    name: 'apply of one key beside 20,000',
    method: 'PATCH',
    path: `${MAPS}/read-1?fieldManager=little&force=true`,
    type: APPLY,
    body: () => map('read-1', 1, String(Math.random())),
  },
  patch('apply of 8,000 variables', `${PODS}/applied`, APPLY, () => podOfVariables('applied', 8000, 'v'), []),
];

const reads: readonly Row[] = [
  get('get 20,000 keys', `${MAPS}/read-0`),
  get('get 20,000 keys, indented', `${MAPS}/read-0?pretty=true`),
  get('get 20,000 keys, YAML', `${MAPS}/read-0`, 'application/yaml'),
  get('get 20,000 keys, protobuf', `${MAPS}/read-0`, PROTOBUF),
  get('get 20,000 keys, Table', `${MAPS}/read-0`, TABLE),
  get('list of maps of 20,000 keys', MAPS),
  get('list of maps of 20,000 keys, YAML', MAPS, 'application/yaml'),
  get('list of maps of 20,000 keys, protobuf', MAPS, PROTOBUF),
  get('list of maps of 20,000 keys, Table', MAPS, TABLE),
  get('list of maps of 20,000 keys, indented', `${MAPS}?pretty=true`),
  ...[MANY_MAPS, MANY_PODS].flatMap((path) => {
    const what = path === MANY_MAPS ? 'list of 100,000' : 'list of 10,000 pods';
    return [
      get(what, path),
      get(`${what}, packed`, path, undefined, { headers: { 'accept-encoding': 'gzip' } }),
      get(`${what}, four at once`, path, undefined, { abreast: 4 }),
      get(`${what}, protobuf`, path, PROTOBUF),
      get(`${what}, protobuf, four at once`, path, PROTOBUF, { abreast: 4 }),
      get(`${what}, Table`, path, TABLE),
      get(`${what}, Table, four at once`, path, TABLE, { abreast: 4 }),
      get(`${what}, metadata`, path, PARTIAL),
      get(`${what}, indented`, `${path}?pretty=true${path === MANY_MAPS ? '&limit=20000' : ''}`),
      get(`${what}, YAML`, `${path}?limit=${path === MANY_MAPS ? 5000 : 1500}`, 'application/yaml'),
      get(`${what}, a page`, `${path}?limit=500`),
      get(`${what}, a limit of 900,000 digits`, `${path}?limit=${'9'.repeat(900_000)}`),
      get(`${what}, as it was`, `${path}?resourceVersionMatch=Exact&resourceVersion=%V`),
      get(`${what}, a label that few have`, `${path}?labelSelector=rare%3Dyes`),
      get(`${what}, one of 1,500 values`, `${path}?labelSelector=${encodeURIComponent(`number in (${numbered(1500).join(',')})`)}`),
      get(
        `${what}, 1,500 requirements`,
        `${path}?labelSelector=${encodeURIComponent(
          numbered(1500)
            .map((i) => `n!=${i}`)
            .join(','),
        )}`,
      ),
      get(
        `${what}, 500 fields`,
        `${path}?fieldSelector=${encodeURIComponent(
          numbered(500)
            .map((i) => `metadata.name!=${i}`)
            .join(','),
        )}`,
      ),
      get(`${what}, a page of what few have`, `${path}?limit=500&labelSelector=rare%3Dyes`),
      get(
        `watch of ${what} with its state`,
        `${path}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
        undefined,
        { leaveAfterMs: 1500 },
      ),
      get(`watch of ${what} with its state, protobuf`, `${path}?watch=true`, PROTOBUF, { leaveAfterMs: 1500 }),
      get(`watch of ${what} with its state, Table`, `${path}?watch=true`, TABLE, { leaveAfterMs: 1500 }),
      get(
        `watch of ${what}, 1,500 requirements`,
        `${path}?watch=true&labelSelector=${encodeURIComponent(
          numbered(1500)
            .map((i) => `n!=${i}`)
            .join(','),
        )}`,
        undefined,
        { leaveAfterMs: 1500 },
      ),
    ];
  }),
  get('pods of one node', '/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-1'),
  get('watch of maps of 20,000 keys, protobuf', `${MAPS}?watch=true`, PROTOBUF, { leaveAfterMs: 1500 }),
  get('/openapi/v2', '/openapi/v2', undefined, { once: true }),
  get('/openapi/v2, protobuf', '/openapi/v2', 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf', { once: true }),
  get('/openapi/v2, packed', '/openapi/v2', undefined, { headers: { 'accept-encoding': 'gzip' } }),
  get('/openapi/v3', '/openapi/v3', undefined, { once: true }),
  get('/openapi/v3/api/v1', '/openapi/v3/api/v1', undefined, { once: true }),
  get('/openapi/v3/api/v1, protobuf', '/openapi/v3/api/v1', 'application/com.github.proto-openapi.spec.v3@v1.0+protobuf', { once: true }),
  get('discovery in one', '/apis', 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList', { once: true }),
  get('/metrics', '/metrics'),
  get('/readyz?verbose', '/readyz?verbose'),
];

const ends: readonly Row[] = [
  { name: 'deletecollection of 100,000', method: 'DELETE', path: MANY_MAPS, once: true },
  { name: 'deletecollection of 10,000 pods', method: 'DELETE', path: `${MANY_PODS}?gracePeriodSeconds=0`, once: true },
];

export const rows: readonly Row[] = [...reads.filter(({ once }) => once), ...bodies, ...changes, ...reads.filter(({ once }) => once !== true), ...ends];
