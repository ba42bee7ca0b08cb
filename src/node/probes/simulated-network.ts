import type { ProbeNetwork } from './network.ts';

/** Everything answers well. */
export const SIMULATED_NETWORK: ProbeNetwork = {
  http: async () => ({ status: 200, body: 'ok' }),
  tcp: async () => undefined,
  grpc: async () => ({ status: 'SERVING' }),
};
