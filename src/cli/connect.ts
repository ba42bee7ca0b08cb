import { readFile } from 'node:fs/promises';
import { createClient } from '../client/api-client.ts';
import type { Client } from '../client/client.ts';
import { HttpsTransport } from '../client/https-transport.ts';
import { layoutOf } from '../cluster/data-directory.ts';

/** The admin's client, from the kubeconfig that `berth up` wrote. Throws one line when there is none. */
export async function connect(dataDirectory: string): Promise<{ readonly client: Client; readonly server: string } & Disposable> {
  const { kubeconfig } = layoutOf(dataDirectory);
  const text = await readFile(kubeconfig, 'utf8').catch(() => {
    throw new Error(`no cluster has been started in ${dataDirectory}; start one with \`berth up\``);
  });
  const value = (key: string): string => new RegExp(`^\\s*${key}: "?([^"\\n]+)"?$`, 'm').exec(text)?.[1] ?? '';
  const pem = (key: string): string => Buffer.from(value(key), 'base64').toString('utf8');
  const server = value('server');
  const transport = new HttpsTransport({
    server,
    ca: pem('certificate-authority-data'),
    certificate: { certificate: pem('client-certificate-data'), key: pem('client-key-data') },
    userAgent: 'berth',
  });
  return { client: createClient(transport), server, [Symbol.dispose]: () => transport[Symbol.dispose]() };
}
