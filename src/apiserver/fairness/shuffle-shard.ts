/**
 * Which queues a flow may use: `handSize` different ones of `queues`, dealt by a hash of the flow. Two flows seldom share all of
 * them, so a flow that floods its own leaves others a free one (shuffle sharding).
 */
export function dealHand(flow: string, queues: number, handSize: number): readonly number[] {
  let state = hash(flow);
  const hand: number[] = [];
  const wanted = Math.min(handSize, queues);
  while (hand.length < wanted) {
    state = mix(state);
    // The n-th card of those that are left: as many draws as cards.
    let card = state % (queues - hand.length);
    for (const dealt of [...hand].sort((a, b) => a - b)) if (card >= dealt) card++;
    hand.push(card);
  }
  return hand;
}

/** FNV-1a. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) h = Math.imul(h ^ text.charCodeAt(at), 0x01000193);
  return h >>> 0;
}

/** One step of a 32-bit generator (splitmix). */
function mix(state: number): number {
  let z = (state + 0x9e3779b9) >>> 0;
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
  return (z ^ (z >>> 16)) >>> 0;
}
