import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { VirtualClock } from '../../base/virtual-clock.ts';
import type { UserInfo } from '../../machinery/exchange.ts';
import type { KubeObject } from '../../machinery/object.ts';
import type { AuthorizeAttributes, RawRequest } from '../stages.ts';
import { defaultFlowSchemas, defaultPriorityLevels } from './defaults.ts';
import { dumpRoutes } from './dump.ts';
import { type FairShare, fairShare } from './share.ts';

const FLOOD: UserInfo = { name: 'system:serviceaccount:shop:flood', groups: ['system:serviceaccounts', 'system:authenticated'] };
const PODS: AuthorizeAttributes = {
  user: FLOOD,
  verb: 'list',
  resourceRequest: true,
  group: '',
  version: 'v1',
  resource: 'pods',
  subresource: '',
  namespace: 'shop',
  name: '',
  path: '/api/v1/namespaces/shop/pods',
};

/** A level of service accounts with a seat of its own and one that is lent to it: two work, and two wait. */
async function busy(clock: VirtualClock): Promise<FairShare> {
  const reader = {
    get: () => undefined,
    fieldValues: () => [],
    list: (_: string, resource: string) => (resource === 'flowschemas' ? defaultFlowSchemas : defaultPriorityLevels) as unknown as readonly KubeObject[],
    watch: () => ({ [Symbol.dispose]: () => {} }),
  };
  const sharing = fairShare({ reader, clock, seats: 1, maxWaitMs: 15_000 });
  for (let n = 0; n < 4; n++) {
    void sharing.begin(FLOOD, PODS).seated?.catch(() => {});
    await clock.advance(1000, async () => {});
  }
  return sharing;
}

async function dump(sharing: FairShare, name: string, query: RawRequest['query'] = []): Promise<readonly (readonly string[])[]> {
  const route = dumpRoutes(sharing).find(({ path }) => path === `/debug/api_priority_and_fairness/${name}`);
  const { code, headers, body } = await (route as NonNullable<typeof route>).handle({
    method: 'GET',
    path: '',
    query,
    headers: {},
    user: FLOOD,
    signal: undefined,
    body: () => new Uint8Array(),
  });
  assert.deepEqual([code, headers?.['content-type']], [200, 'text/plain; charset=utf-8']);
  return String(body)
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split(/, */));
}

describe('what priority and fairness is about', () => {
  it('by level', async () => {
    const rows = await dump(await busy(new VirtualClock()), 'dump_priority_levels');
    assert.equal(
      rows[0]?.join(),
      'PriorityLevelName,ActiveQueues,IsIdle,IsQuiescing,WaitingRequests,ExecutingRequests,DispatchedRequests,RejectedRequests,TimedoutRequests,CancelledRequests',
    );
    const row = (name: string): string | undefined =>
      rows
        .find(([first]) => first === name)
        ?.slice(1)
        .join();
    assert.deepEqual([row('workload-low'), row('exempt')], ['2,false,false,2,2,0,0,0,0', '0,true,false,0,0,0,0,0,0']);
  });

  it('by queue', async () => {
    const rows = await dump(await busy(new VirtualClock()), 'dump_queues');
    assert.equal(
      rows[0]?.join(),
      'PriorityLevelName,Index,PendingRequests,ExecutingRequests,SeatsInUse,NextDispatchR,InitialSeatsSum,MaxSeatsSum,TotalWorkSum',
    );
    const low = rows.filter(([name]) => name === 'workload-low');
    assert.equal(low.length, 128);
    const filled = low.filter(([, , pending]) => pending !== '0');
    assert.deepEqual(
      filled.map((row) => row.toSpliced(1, 1).join()),
      ['workload-low,1,0,0,0.00000000ss,1,1,0.00100000ss', 'workload-low,1,0,0,0.00000000ss,1,1,0.00100000ss'],
    );
    assert.deepEqual(rows.find(([name]) => name === 'exempt')?.slice(1, 3), ['<none>', '<none>']);
  });

  it('by request, with who asks for what when that is wanted', async () => {
    const clock = new VirtualClock();
    const at = (seconds: number): string => new Date(clock.now() + seconds * 1000).toISOString();
    const [first, third] = [at(0), at(2)];
    const sharing = await busy(clock);
    const [head, ...rows] = await dump(sharing, 'dump_requests');
    assert.equal(
      head?.join(),
      'PriorityLevelName,FlowSchemaName,QueueIndex,RequestIndexInQueue,FlowDistingsher,ArriveTime,InitialSeats,FinalSeats,AdditionalLatency,StartTime',
    );
    const low = rows.filter(([name]) => name === 'workload-low');
    assert.equal(low[0]?.join(), `workload-low,service-accounts,-1,-1,system:serviceaccount:shop:flood,${first},1,0,0s,${first}`);
    const waiting = low.find((row) => row[5] === third);
    assert.deepEqual([waiting?.[3], waiting?.slice(5).join()], ['0', `${third},1,0,0s,0001-01-01T00:00:00Z`]);
    const [detailedHead, detailed] = await dump(sharing, 'dump_requests', [['includeRequestDetails', '1']]);
    assert.equal(detailedHead?.slice(10).join(), 'UserName,Verb,APIPath,Namespace,Name,APIVersion,Resource,SubResource');
    assert.equal(detailed?.slice(10).join(), 'system:serviceaccount:shop:flood,list,/api/v1/namespaces/shop/pods,shop,,v1,pods,');
  });

  it('in columns', async () => {
    const sharing = await busy(new VirtualClock());
    const route = dumpRoutes(sharing).find(({ path }) => path.endsWith('dump_priority_levels'));
    const { body } = await (route as NonNullable<typeof route>).handle({
      method: 'GET',
      path: '',
      query: [],
      headers: {},
      user: FLOOD,
      signal: undefined,
      body: () => new Uint8Array(),
    });
    assert.match(String(body), /^PriorityLevelName, ActiveQueues, IsIdle, .* CancelledRequests\ncatch-all, {9}0, {12}true, {3}false, /);
  });

  it('how long requests waited and took', async () => {
    const clock = new VirtualClock();
    const sharing = await busy(clock);
    const turn = sharing.begin({ name: 'ann', groups: ['system:authenticated'] }, { ...PODS, verb: 'watch' });
    await clock.advance(30, async () => {});
    turn.end();
    const figures = (name: string): ReadonlyMap<string, number> => {
      const gauge = sharing.times.gauges.find((each) => each.name === `apiserver_flowcontrol_${name}`);
      const rows = (gauge?.values() ?? []).filter(({ value }) => value > 0);
      return new Map(rows.map(({ labels = {}, suffix = '', value }) => [`${suffix} ${Object.values(labels).join(' ')}`, value]));
    };
    const waits = figures('request_wait_duration_seconds');
    assert.deepEqual([waits.get('_bucket global-default global-default true 0'), waits.get('_count service-accounts workload-low true')], [1, 2]);
    const took = figures('request_execution_seconds');
    assert.deepEqual(
      [took.get('_bucket global-default global-default watch 0.02'), took.get('_bucket global-default global-default watch 0.05')],
      [undefined, 1],
    );
    await clock.advance(15_000, async () => {});
    assert.equal(figures('request_wait_duration_seconds').get('_count service-accounts workload-low false'), 2);
  });
});
