import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { FlowSchema, PriorityLevelConfiguration } from '../../api/gen/types/flowcontrol.v1.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import type { UserInfo } from '../../machinery/exchange.ts';
import type { KubeObject } from '../../machinery/object.ts';
import { StatusError } from '../../machinery/status-error.ts';
import type { AuthorizeAttributes, StoredReader } from '../stages.ts';
import { defaultFlowSchemas, defaultPriorityLevels } from './defaults.ts';
import { fairShareGauges } from './gauges.ts';
import { type FairShare, fairShare, levelSettings, type Turn } from './share.ts';
import { dealHand } from './shuffle-shard.ts';

const uid = (object: FlowSchema | PriorityLevelConfiguration): KubeObject =>
  ({ ...object, metadata: { ...object.metadata, uid: `uid-of-${object.metadata?.name}` } }) as unknown as KubeObject;

/** Objects as a server has them, and a way to change them. */
function stored(schemas: readonly FlowSchema[] = defaultFlowSchemas, levels: readonly PriorityLevelConfiguration[] = defaultPriorityLevels) {
  const lists: Record<string, readonly KubeObject[]> = { flowschemas: schemas.map(uid), prioritylevelconfigurations: levels.map(uid) };
  const told = new Set<() => void>();
  const reader: StoredReader = {
    get: () => undefined,
    fieldValues: () => [],
    list: (_, resource) => lists[resource] ?? [],
    watch: (_group, _resource, listener) => {
      const tell = (): void => listener(undefined, undefined);
      told.add(tell);
      return { [Symbol.dispose]: () => void told.delete(tell) };
    },
  };
  const change = (resource: string, objects: readonly (FlowSchema | PriorityLevelConfiguration)[]): void => {
    lists[resource] = objects.map(uid);
    for (const tell of told) tell();
  };
  return { reader, change };
}

const share = (seats: number, reader = stored().reader, clock = new VirtualClock()): FairShare => fairShare({ reader, clock, seats, maxWaitMs: 15_000 });

const account = (namespace: string, name: string): UserInfo => ({
  name: `system:serviceaccount:${namespace}:${name}`,
  groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
});
const JANE: UserInfo = { name: 'jane', groups: ['system:authenticated'] };
const NODE: UserInfo = { name: 'system:node:a', groups: ['system:nodes', 'system:authenticated'] };

const about = (verb: string, resource: string, more: Partial<AuthorizeAttributes> = {}): AuthorizeAttributes => ({
  user: JANE,
  verb,
  resourceRequest: true,
  group: '',
  version: 'v1',
  resource,
  subresource: '',
  namespace: 'default',
  name: '',
  path: '',
  ...more,
});
const path = (where: string): AuthorizeAttributes => about('get', '', { resourceRequest: false, namespace: '', path: where });

describe('priority and fairness: which flow schema a request belongs to', () => {
  const sharing = share(600);
  const rows: readonly (readonly [user: UserInfo, attributes: AuthorizeAttributes, schema: string, level: string])[] = [
    [{ name: 'root', groups: ['system:masters', 'system:authenticated'] }, about('list', 'pods'), 'exempt', 'exempt'],
    [{ name: 'system:anonymous', groups: ['system:unauthenticated'] }, path('/readyz'), 'probes', 'exempt'],
    [JANE, path('/metrics'), 'global-default', 'global-default'],
    [
      { name: 'system:kube-scheduler', groups: ['system:authenticated'] },
      about('update', 'leases', { group: 'coordination.k8s.io' }),
      'system-leader-election',
      'leader-election',
    ],
    [{ name: 'system:kube-scheduler', groups: ['system:authenticated'] }, about('list', 'pods'), 'kube-scheduler', 'workload-high'],
    [account('kube-system', 'endpoint-controller'), about('update', 'endpoints'), 'endpoint-controller', 'workload-high'],
    [account('kube-system', 'coredns'), about('list', 'services'), 'kube-system-service-accounts', 'workload-high'],
    [NODE, about('patch', 'nodes', { subresource: 'status', namespace: '' }), 'system-node-high', 'node-high'],
    [NODE, about('update', 'leases', { group: 'coordination.k8s.io', namespace: 'kube-node-lease' }), 'system-node-high', 'node-high'],
    [NODE, about('list', 'pods'), 'system-nodes', 'system'],
    [account('shop', 'web'), about('get', 'configmaps'), 'service-accounts', 'workload-low'],
    [JANE, about('get', 'configmaps'), 'global-default', 'global-default'],
    [{ name: 'nobody', groups: [] }, about('get', 'configmaps'), 'catch-all', 'catch-all'],
  ];
  for (const [user, attributes, schema, level] of rows) {
    it(`${user.name}: ${attributes.verb} ${attributes.resource}${attributes.path}: ${schema}`, () => {
      const turn = sharing.begin(user, attributes);
      assert.deepEqual(turn.headers, ['X-Kubernetes-PF-FlowSchema-UID', `uid-of-${schema}`, 'X-Kubernetes-PF-PriorityLevel-UID', `uid-of-${level}`]);
      turn.end();
    });
  }

  it('before there are objects, the mandatory ones count', () => {
    const sharing = share(600, stored([], []).reader);
    assert.deepEqual(sharing.begin(JANE, about('get', 'pods')).headers.length, 4);
  });

  it('a schema whose level is missing is passed over, until the level is there', () => {
    const mine: FlowSchema = {
      metadata: { name: 'mine' },
      spec: { matchingPrecedence: 50, priorityLevelConfiguration: { name: 'mine' }, rules: defaultFlowSchemas.at(-1)?.spec?.rules ?? [] },
    };
    const level: PriorityLevelConfiguration = {
      metadata: { name: 'mine' },
      spec: { type: 'Limited', limited: { nominalConcurrencyShares: 10, limitResponse: { type: 'Reject' } } },
    };
    const { reader, change } = stored([...defaultFlowSchemas, mine]);
    const sharing = share(600, reader);
    assert.equal(sharing.begin(JANE, about('get', 'pods')).headers[1], 'uid-of-global-default');
    change('prioritylevelconfigurations', [...defaultPriorityLevels, level]);
    assert.equal(sharing.begin(JANE, about('get', 'pods')).headers[1], 'uid-of-mine');
  });
});

describe('priority and fairness: seats', () => {
  it('are divided by shares, as Kubernetes divides 600', () => {
    const settings = levelSettings(defaultPriorityLevels, 600);
    assert.deepEqual(Object.fromEntries([...settings].map(([name, { nominalSeats, lendableSeats }]) => [name, [nominalSeats, lendableSeats]])), {
      exempt: [0, 0],
      'catch-all': [13, 0],
      'global-default': [49, 25],
      'leader-election': [25, 0],
      'node-high': [98, 25],
      system: [74, 24],
      'workload-high': [98, 49],
      'workload-low': [245, 221],
    });
  });

  it('administrators and probes never wait, however full it is', () => {
    const sharing = share(1);
    for (let n = 0; n < 10_000; n++) assert.equal(sharing.begin({ name: 'root', groups: ['system:masters'] }, about('list', 'pods')).seated, undefined);
  });

  it('a level borrows what others do not need, and not what they keep for themselves', () => {
    const sharing = share(600);
    let atOnce = 0;
    for (let n = 0; n < 500; n++) if (take(sharing, account('shop', `a${n % 50}`))?.seated === undefined) atOnce++;
    // 245 of its own, and 25 + 25 + 24 + 49 that others lend.
    assert.equal(atOnce, 245 + 25 + 25 + 24 + 49);
    assert.equal(take(sharing, NODE)?.seated, undefined, 'a node has its own seats');
  });

  it('what a flow may use of the queues is bounded: beyond it 429 says when to come back', async () => {
    const sharing = share(1);
    const flood = account('shop', 'flood');
    let refused = 0;
    for (let n = 0; n < 1000; n++) {
      sharing.begin(flood, about('list', 'pods')).seated?.catch((thrown: unknown) => {
        assert.ok(thrown instanceof StatusError);
        assert.deepEqual([thrown.code, thrown.message, thrown.details?.retryAfterSeconds], [429, 'Too many requests, please try again later.', 1]);
        refused++;
      });
    }
    await new Promise((resolve) => setImmediate(resolve));
    const seated = seatsOf(sharing, 'workload-low');
    assert.equal(refused, 1000 - 6 * 50 - seated);
    const flowcontrol = (name: string) =>
      fairShareGauges(sharing.figures)
        .find((gauge) => gauge.name === `apiserver_flowcontrol_${name}`)
        ?.values()
        .filter(({ value }) => value > 0);
    const labels = { flow_schema: 'service-accounts', priority_level: 'workload-low' };
    assert.deepEqual(flowcontrol('current_inqueue_requests'), [{ value: 300, labels }]);
    assert.deepEqual(flowcontrol('current_executing_requests'), [{ value: seated, labels }]);
    assert.deepEqual(flowcontrol('current_executing_seats'), [{ value: seated, labels }]);
    assert.deepEqual(sharing.figures.schemas().find(({ name }) => name === 'service-accounts')?.rejected, new Map([['queue-full', refused]]));
  });

  it("one client's flood does not starve another's: it is served after a few of the flood", async () => {
    const sharing = share(1);
    const order: string[] = [];
    const turns: Turn[] = [];
    const send = (name: string): void => {
      const turn = sharing.begin(account('shop', name), about('list', 'pods'));
      const seated = (): void => void (order.push(name), turns.push(turn));
      if (turn.seated === undefined) seated();
      else void turn.seated.then(seated);
    };
    for (let n = 0; n < 200; n++) send('flood');
    for (let n = 0; n < 5; n++) send('modest');
    for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) {
      turn.end();
      await Promise.resolve();
    }
    assert.equal(order.length, 205);
    const places = order.flatMap((name, at) => (name === 'modest' ? [at] : []));
    assert.ok((places.at(-1) ?? 999) < 60, `the modest one came in places ${places.join(', ')}`);
  });

  it('who waits too long is turned away; who goes away makes room', async () => {
    const clock = new VirtualClock();
    const sharing = share(1, stored().reader, clock);
    const first = sharing.begin(JANE, about('get', 'pods'));
    const seats: Turn[] = [first];
    let late = sharing.begin(JANE, about('get', 'pods'));
    while (late.seated === undefined) {
      seats.push(late);
      late = sharing.begin(JANE, about('get', 'pods'));
    }
    const gone = sharing.begin(JANE, about('get', 'pods'));
    const left = assert.rejects(gone.seated ?? Promise.resolve(), { code: 429 });
    gone.end();
    await left;
    const tooLate = assert.rejects(late.seated ?? Promise.resolve(), { code: 429 });
    await clock.advance(15_000, async () => {});
    await tooLate;
    for (const turn of seats) turn.end();
    late.end();
    assert.deepEqual(
      [...sharing.figures.levels(), ...sharing.figures.schemas()].map(({ seated, executing, waiting }) => seated + executing + waiting),
      [...sharing.figures.levels(), ...sharing.figures.schemas()].map(() => 0),
    );
  });

  it('another configuration takes hold at once, and nobody who waits is lost', async () => {
    const { reader, change } = stored();
    const sharing = share(1, reader);
    const held: Turn[] = [];
    let waiting = sharing.begin(JANE, about('get', 'pods'));
    while (waiting.seated === undefined) {
      held.push(waiting);
      waiting = sharing.begin(JANE, about('get', 'pods'));
    }
    const bigger = defaultPriorityLevels.map((level) =>
      level.metadata?.name === 'global-default'
        ? {
            ...level,
            spec: {
              ...level.spec,
              type: 'Limited',
              limited: {
                ...level.spec?.limited,
                nominalConcurrencyShares: 20,
                limitResponse: { type: 'Queue', queuing: { queues: 4, handSize: 2, queueLengthLimit: 9 } },
              },
            },
          }
        : level,
    );
    change('prioritylevelconfigurations', bigger);
    sharing.begin(account('kube-system', 'x'), about('get', 'pods')).end();
    held[0]?.end();
    await waiting.seated;
  });
});

function take(sharing: FairShare, user: UserInfo): Turn | undefined {
  const turn = sharing.begin(user, about('list', 'pods'));
  void turn.seated?.catch(() => {});
  return turn;
}

const seatsOf = (sharing: FairShare, level: string): number => sharing.figures.levels().find(({ name }) => name === level)?.seated ?? 0;

describe('shuffle sharding', () => {
  it('a hand has different queues, all there are, the same for the same flow', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 512 }), fc.integer({ min: 1, max: 10 }), (flow, queues, handSize) => {
        const hand = dealHand(flow, queues, handSize);
        assert.deepEqual(hand, dealHand(flow, queues, handSize));
        assert.equal(new Set(hand).size, Math.min(handSize, queues));
        assert.ok(hand.every((at) => at >= 0 && at < queues));
      }),
    );
  });

  it('spreads flows evenly', () => {
    const counts = Array.from({ length: 64 }, () => 0);
    for (let n = 0; n < 6400; n++) for (const at of dealHand(`user-${n}`, 64, 6)) counts[at] = (counts[at] ?? 0) + 1;
    assert.ok(Math.min(...counts) > 450 && Math.max(...counts) < 750, counts.join(' '));
  });
});
