/**
 * Lets everything that is ready run to rest, between two steps of virtual time: one turn of the real event loop, which comes after all
 * promises and ticks. The only thing here that the machine's own loop decides, and it decides nothing but when.
 */
export function drain(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
