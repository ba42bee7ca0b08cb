/** What a kubeconfig file for one user of one cluster holds. */
export interface KubeconfigEntry {
  /** Name of cluster and context. */
  readonly cluster: string;
  readonly user: string;
  /** `https://127.0.0.1:6443` */
  readonly server: string;
  readonly caPem: string;
  readonly credentials: { readonly certPem: string; readonly keyPem: string } | { readonly token: string };
  readonly namespace?: string;
}

/** The text of a kubeconfig file (YAML). It holds a private key or a token: the file must be 0600. */
export function formatKubeconfig({ cluster, user, server, caPem, credentials, namespace }: KubeconfigEntry): string {
  const secret =
    'token' in credentials
      ? [`    token: ${scalar(credentials.token)}`]
      : [`    client-certificate-data: ${base64(credentials.certPem)}`, `    client-key-data: ${base64(credentials.keyPem)}`];
  return [
    'apiVersion: v1',
    'kind: Config',
    `current-context: ${scalar(cluster)}`,
    'clusters:',
    `- name: ${scalar(cluster)}`,
    '  cluster:',
    `    certificate-authority-data: ${base64(caPem)}`,
    `    server: ${scalar(server)}`,
    'contexts:',
    `- name: ${scalar(cluster)}`,
    '  context:',
    `    cluster: ${scalar(cluster)}`,
    ...(namespace === undefined ? [] : [`    namespace: ${scalar(namespace)}`]),
    `    user: ${scalar(user)}`,
    'preferences: {}',
    'users:',
    `- name: ${scalar(user)}`,
    '  user:',
    ...secret,
    '',
  ].join('\n');
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}

/** Plain where YAML reads it as this very string, else quoted (JSON strings are YAML strings). */
function scalar(text: string): string {
  return /^[A-Za-z][A-Za-z0-9._/:@-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text) && !text.endsWith(':') ? text : JSON.stringify(text);
}
