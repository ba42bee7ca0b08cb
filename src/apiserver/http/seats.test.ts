import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Seats } from './seats.ts';

const few = { seats: 2, seatsOfOne: 2, waitingOfOne: 3, waiting: 4 };
const turn = (): Promise<void> => Promise.resolve();

test('users take turns, however many requests one of them has', async () => {
  const seats = new Seats(few);
  const order: string[] = [];
  const enter = (name: string): void => void Promise.resolve(seats.enter(name)).then(() => order.push(name));
  for (const name of ['flood', 'flood', 'flood', 'flood', 'flood', 'quiet']) enter(name);
  await turn();
  assert.deepEqual(order, ['flood', 'flood']);
  for (let i = 0; i < 3; i++) {
    seats.leave('flood');
    await turn();
  }
  assert.deepEqual(order.slice(2).includes('quiet'), true);
  assert.ok(order.indexOf('quiet') <= 3, order.join());
});

test('who has too many waiting is told to come back, others are not', () => {
  const seats = new Seats({ ...few, waiting: 100 });
  for (let i = 0; i < 5; i++) void seats.enter('flood');
  assert.throws(() => seats.enter('flood'), { code: 429, reason: 'TooManyRequests' });
  assert.doesNotThrow(() => void seats.enter('quiet'));
});

test('never more seated than there are seats, and everybody gets one in the end', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 40 }), fc.infiniteStream(fc.nat()), async (arrivals, choice) => {
      const seats = new Seats({ seats: 3, seatsOfOne: 2, waitingOfOne: 100, waiting: 100 });
      const seated: string[] = [];
      let served = 0;
      const leaveOne = async (): Promise<void> => {
        const [name] = seated.splice((choice.next().value ?? 0) % seated.length, 1);
        if (name === undefined) return;
        served++;
        seats.leave(name);
        await turn();
        await turn();
      };
      for (const name of arrivals) {
        const wait = seats.enter(name);
        if (wait === undefined) seated.push(name);
        else void wait.then(() => seated.push(name));
        assert.ok(seated.length <= 3);
        if ((choice.next().value ?? 0) % 3 === 0 && seated.length > 0) await leaveOne();
      }
      while (seated.length > 0) await leaveOne();
      assert.equal(served, arrivals.length);
    }),
  );
});

test('who is turned away is not remembered: the others wait as before', async () => {
  const seats = new Seats({ seats: 1, seatsOfOne: 1, waitingOfOne: 1, waiting: 1 });
  assert.equal(seats.enter('a'), undefined);
  const b = seats.enter('b');
  for (let at = 0; at < 10; at++) assert.throws(() => seats.enter(`other-${at}`), { code: 429 });
  seats.leave('a');
  await b;
  seats.leave('b');
  assert.equal(seats.enter('other-1'), undefined);
});
