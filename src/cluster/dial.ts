import { type Dial, standardDial } from '../apiserver/dial.ts';
import type { KeyPair } from './certificates.ts';

/**
 * The way from this machine's API server to nodes: this machine's own node listens on loopback (nothing is bound to more unless the
 * user says so), others are reached by the address that they tell.
 */
export function dialFrom(options: { readonly nodeName: string; readonly nodePort: () => number; readonly caPem: string; readonly client: KeyPair }): Dial {
  const { nodeName, nodePort, caPem, client } = options;
  const tls = { caPem, certPem: client.certPem, keyPem: client.keyPem };
  const elsewhere = standardDial({ credentials: () => tls });
  return (target) => (target.to === 'node' && target.node.metadata.name === nodeName ? { scheme: 'https', host: '127.0.0.1', port: nodePort(), tls } : elsewhere(target));
}
