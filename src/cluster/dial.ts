import { type Dial, standardDial } from '../apiserver/dial.ts';
import { StatusError } from '../machinery/status-error.ts';
import type { KeyPair } from './certificates.ts';
import { SIMULATED_OS_IMAGE } from './simulated-nodes.ts';

/**
 * The way from this machine's API server to nodes: this machine's own node listens on loopback (nothing is bound to more unless the
 * user says so), others are reached by the address that they tell. A simulated node has no server.
 */
export function dialFrom(options: {
  readonly nodeName: string;
  readonly nodePort: () => number;
  readonly caPem: string /** The one of the moment: it is renewed. */;
  readonly client: () => KeyPair;
}): Dial {
  const { nodeName, nodePort, caPem, client } = options;
  const tls = (): { readonly caPem: string; readonly certPem: string; readonly keyPem: string } => {
    const { certPem, keyPem } = client();
    return { caPem, certPem, keyPem };
  };
  const elsewhere = standardDial({ credentials: tls });
  return (target) => {
    if (target.to !== 'node') return elsewhere(target);
    const { metadata, status } = target.node;
    if (status?.nodeInfo?.osImage === SIMULATED_OS_IMAGE) {
      throw new StatusError(
        'BadRequest',
        `node ${JSON.stringify(metadata.name)} is simulated: its pods only say that they run, they have no logs, commands or ports`,
        { details: {} },
      );
    }
    return metadata.name === nodeName ? { scheme: 'https', host: '127.0.0.1', port: nodePort(), tls: tls() } : elsewhere(target);
  };
}
