/** What a query may say, and how it is refused (apimachinery `ValidateListOptions`, `ValidateCreateOptions` and the like). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Json, JsonObject } from '../../src/machinery/object.ts';
import { type Front, openFront } from './front.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const map = (name: string, labels: Json = {}): JsonObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels } });
const LIST = 'ListOptions.meta.k8s.io "" is invalid: ';
const UPDATE = 'UpdateOptions.meta.k8s.io "" is invalid: ';
const token = (value: Json): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Method, path and query; code, reason, message. */
type Row = readonly [request: string, code: number, reason: string, message: string];

const LISTS: readonly Row[] = [
  [
    'resourceVersion=abc',
    400,
    'BadRequest',
    'invalid resource version: resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
  ],
  [
    'resourceVersionMatch=Exact',
    422,
    'Invalid',
    `${LIST}resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided`,
  ],
  [
    'resourceVersionMatch=Nope&resourceVersion=1',
    422,
    'Invalid',
    `${LIST}resourceVersionMatch: Unsupported value: "Nope": supported values: "Exact", "NotOlderThan", ""`,
  ],
  [
    'resourceVersion=0&resourceVersionMatch=Exact',
    422,
    'Invalid',
    `${LIST}resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"`,
  ],
  [
    `resourceVersion=1&resourceVersionMatch=Exact&continue=x`,
    422,
    'Invalid',
    `${LIST}resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided`,
  ],
  ['sendInitialEvents=false', 422, 'Invalid', `${LIST}sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list`],
  ['continue=%21', 400, 'BadRequest', 'invalid continue token: continue key is not valid: illegal base64 data at input byte 0'],
  ['continue=abc', 400, 'BadRequest', "invalid continue token: continue key is not valid: invalid character 'i' looking for beginning of value"],
  [`continue=${token({ v: 'v9' })}`, 400, 'BadRequest', 'invalid continue token: continue key is not valid: server does not recognize this encoded version v9'],
  [
    `continue=${token({ v: 'meta.k8s.io/v1', rv: 0, start: 'a' })}`,
    400,
    'BadRequest',
    'invalid continue token: continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)',
  ],
  [
    `continue=${token({ v: 'meta.k8s.io/v1', rv: 1, start: '' })}`,
    400,
    'BadRequest',
    'invalid continue token: continue key is not valid: encoded start key empty (version meta.k8s.io/v1)',
  ],
  [
    `continue=${token({ v: 'meta.k8s.io/v1', rv: 1, start: 'a' })}&resourceVersion=1`,
    400,
    'BadRequest',
    'specifying resource version is not allowed when using continue',
  ],
  ['limit=abc', 400, 'BadRequest', 'strconv.ParseInt: parsing "abc": invalid syntax'],
  ['limit=', 400, 'BadRequest', 'strconv.ParseInt: parsing "": invalid syntax'],
  ['limit=1.0', 400, 'BadRequest', 'strconv.ParseInt: parsing "1.0": invalid syntax'],
  [`limit=${'9'.repeat(500)}`, 400, 'BadRequest', `strconv.ParseInt: parsing "${'9'.repeat(500)}": value out of range`],
  ['limit=9223372036854775808', 400, 'BadRequest', 'strconv.ParseInt: parsing "9223372036854775808": value out of range'],
  ['timeoutSeconds=', 400, 'BadRequest', 'strconv.ParseInt: parsing "": invalid syntax'],
  ['timeoutSeconds=abc', 400, 'BadRequest', 'strconv.ParseInt: parsing "abc": invalid syntax'],
  ['labelSelector=%3D%3D', 400, 'BadRequest', "found '==', expected: !, identifier, or 'end of string'"],
  ['labelSelector=a+in+x', 400, 'BadRequest', "unable to parse requirement: found 'x' expected: '('"],
  ['fieldSelector=a', 400, 'BadRequest', "invalid selector: 'a'; can't understand 'a'"],
  ['fieldSelector=spec.x%3D1', 400, 'BadRequest', '"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"'],
  ['timeout=5', 400, 'BadRequest', 'invalid timeout specified in the request URL - time: missing unit in duration "5"'],
];

const WATCHES: readonly Row[] = [
  ['resourceVersion=abc', 422, 'Invalid', 'resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax'],
  ['sendInitialEvents=true', 422, 'Invalid', `${LIST}resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan`],
  [
    'resourceVersionMatch=NotOlderThan',
    422,
    'Invalid',
    `${LIST}resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided`,
  ],
  [
    'sendInitialEvents=true&resourceVersionMatch=Exact',
    422,
    'Invalid',
    `${LIST}[resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan, resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"]`,
  ],
  [
    'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&continue=x',
    422,
    'Invalid',
    `${LIST}resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided`,
  ],
];

const UPDATES: readonly Row[] = [
  ['dryRun=Some', 422, 'Invalid', `${UPDATE}dryRun: Unsupported value: ["Some"]: supported values: "All"`],
  ['dryRun=All&dryRun=None', 422, 'Invalid', `${UPDATE}dryRun: Unsupported value: ["All","None"]: supported values: "All"`],
  ['dryRun=', 422, 'Invalid', `${UPDATE}dryRun: Unsupported value: [""]: supported values: "All"`],
  [`fieldManager=${'x'.repeat(129)}`, 422, 'Invalid', `${UPDATE}fieldManager: Too long: may not be more than 128 bytes`],
  ['fieldManager=%C3%A9%0Ab', 422, 'Invalid', `${UPDATE}fieldManager: Invalid value: "é\\nb": invalid character U+000A (at position 2)`],
  ['fieldValidation=Nope', 422, 'Invalid', `${UPDATE}fieldValidation: Unsupported value: "Nope": supported values: "", "Ignore", "Strict", "Warn"`],
];

describe('options in the query', () => {
  let front: Front;
  before(async () => {
    front = await openFront();
    for (let i = 0; i < 5; i++) await front.say('POST', MAPS, { body: map(`m${i}`, { odd: i % 2 === 0 ? 'no' : 'yes' }) });
  });
  after(() => front[Symbol.asyncDispose]());

  async function assertRefused(method: string, path: string, [, code, reason, message]: Row, body?: JsonObject): Promise<void> {
    const answer = await front.say(method, path, body === undefined ? {} : { body });
    assert.equal(answer.code, code, answer.text);
    const status = answer.body as { readonly message: string; readonly reason: string };
    assert.deepEqual([status.reason, status.message], [reason, message]);
  }

  for (const row of LISTS) it(`list?${row[0].slice(0, 60)}`, () => assertRefused('GET', `${MAPS}?${row[0]}`, row));
  for (const row of WATCHES) it(`watch?${row[0]}`, () => assertRefused('GET', `${MAPS}?watch=1&${row[0]}`, row));
  for (const row of UPDATES) it(`update?${row[0].slice(0, 60)}`, () => assertRefused('PUT', `${MAPS}/m0?${row[0]}`, row, map('m0')));

  it('fields that a kind does not select by: in the words of each kind', async () => {
    for (const [path, message] of [
      ['/api/v1/pods?fieldSelector=spec.x%3D1', 'field label not supported: spec.x'],
      ['/api/v1/nodes?fieldSelector=metadata.namespace%3Da', 'field label not supported: metadata.namespace'],
      ['/apis/batch/v1/jobs?fieldSelector=spec.x%3D1', 'field label "spec.x" not supported for batchv1.Job'],
      ['/apis/batch/v1/cronjobs?fieldSelector=spec.x%3D1', '"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"'],
      ['/apis/resource.k8s.io/v1/resourceslices?fieldSelector=spec.x%3D1', 'field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: spec.x'],
    ] as const)
      await assertRefused('GET', path, ['', 400, 'BadRequest', message]);
    const { code, body } = await front.say('GET', '/api/v1/persistentvolumes?fieldSelector=metadata.namespace%3Da');
    assert.deepEqual([code, body['items']], [200, []], 'a kind without namespaces has nothing in one');
  });

  it('a version that is no number names no object: get', () =>
    assertRefused('GET', `${MAPS}/m0?resourceVersion=abc`, [
      '',
      422,
      'Invalid',
      'resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
    ]));

  it('a version that is not there yet: 504, with when to come again', async () => {
    for (const path of [`${MAPS}?resourceVersion=99999999`, `${MAPS}/m0?resourceVersion=99999999`, `${MAPS}?watch=1&resourceVersion=99999999`]) {
      const { code, headers, body } = await front.say('GET', path);
      assert.equal(code, 504);
      assert.equal(headers['retry-after'], '1');
      assert.deepEqual(body['details'], {
        causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
        retryAfterSeconds: 1,
      });
      assert.match(String(body['message']), /^Timeout: Too large resource version: 99999999, current: \d+$/);
    }
  });

  it('what is left of a list is told, but not of what a selector selects, and not when nothing is', async () => {
    const meta = async (query: string) => (await front.say('GET', `${MAPS}?${query}`)).body['metadata'] as Record<string, Json>;
    const whole = await meta('limit=2&fieldSelector=metadata.name!%3Dkube-root-ca.crt');
    assert.deepEqual([typeof whole['continue'], whole['remainingItemCount']], ['string', undefined]);
    const plain = await meta('limit=2');
    assert.deepEqual([typeof plain['continue'], plain['remainingItemCount']], ['string', 3]);
    const selected = await meta('limit=2&labelSelector=odd%3Dno');
    assert.deepEqual([typeof selected['continue'], selected['remainingItemCount']], ['string', undefined]);
    assert.deepEqual(Object.keys(await meta('limit=5')), ['resourceVersion']);
    assert.deepEqual(Object.keys(await meta('limit=-1')), ['resourceVersion'], 'less than none is no limit');
  });

  it('a watch of less than no time is over at once, and so is one of more than Go can count', { timeout: 20_000 }, async () => {
    for (const seconds of ['-1', '9223372037']) {
      const { code } = await front.say('GET', `${MAPS}?watch=1&timeoutSeconds=${seconds}`);
      assert.equal(code, 200, seconds);
    }
  });

  it('a parameter without a value is true, as Go reads it; a limit means nothing to a watch', async () => {
    const { events } = await front.say('GET', `${MAPS}?watch&timeoutSeconds=1&limit=1&fieldSelector=metadata.name%3Dm1`);
    assert.deepEqual(
      events.map(({ type }) => type),
      ['ADDED'],
    );
    const { body } = await front.say('GET', `${MAPS}?watch=False&limit=1`);
    assert.equal(body['kind'], 'ConfigMapList');
  });

  it('initial events are told first, and their end is marked for who takes bookmarks', async () => {
    const query = 'watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1&labelSelector=odd%3Dyes';
    const plain = await front.say('GET', `${MAPS}?${query}`);
    assert.deepEqual(
      plain.events.map(({ type }) => type),
      ['ADDED', 'ADDED'],
    );
    const marked = await front.say('GET', `${MAPS}?${query}&allowWatchBookmarks=true`);
    const [, , bookmark] = marked.events;
    assert.equal(bookmark?.type, 'BOOKMARK');
    const { resourceVersion, ...metadata } = bookmark?.object['metadata'] as Record<string, Json>;
    assert.match(String(resourceVersion), /^\d+$/);
    assert.deepEqual(metadata, { annotations: { 'k8s.io/initial-events-end': 'true' } }, 'and nothing else: no time at which it was made');
  });

  it('dry run: what would be is shown, nothing is kept', async () => {
    assert.equal((await front.say('POST', `${MAPS}?dryRun=All`, { body: map('dry') })).code, 201);
    assert.equal((await front.say('GET', `${MAPS}/dry`)).code, 404);
  });
});
