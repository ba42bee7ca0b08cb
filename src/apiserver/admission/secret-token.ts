import { configMaps, secrets, serviceAccounts } from '../../api/gen/resources.ts';
import type { Keys } from '../../base/keys.ts';
import { getOwn, setOwn } from '../../machinery/record.ts';
import { signJwt } from '../authn/jwt.ts';
import { ACCOUNT_NAME, ACCOUNT_UID, SECRET_TOKEN_TYPE, secretTokenClaims } from '../authn/secret-token.ts';
import type { AdmissionPlugin } from '../stages.ts';
import { storedGet } from '../stored.ts';
import { draftOf, isAbout } from './request.ts';

/**
 * Not a plugin of Kubernetes' (there a controller does it a moment later): a Secret of type service-account-token gets its token, with
 * the CA and the namespace beside it. An account that is not there, or is another one than the Secret means, gives none.
 */
export const secretToken = (keys: Keys): AdmissionPlugin => ({
  name: 'SecretToken',
  handles: (request) => isAbout(request, secrets, 'CREATE', 'UPDATE'),
  admit(request) {
    const secret = draftOf(request, secrets);
    const name = getOwn(secret.metadata?.annotations, ACCOUNT_NAME);
    const own = request.name || (secret.metadata?.name ?? '');
    if (secret.type !== SECRET_TOKEN_TYPE || secret.metadata === undefined || name === undefined || own === '' || getOwn(secret.data, 'token') !== undefined)
      return;
    const account = storedGet(request.reader, serviceAccounts, request.namespace, name);
    const wanted = getOwn(secret.metadata.annotations, ACCOUNT_UID);
    if (account === undefined || (wanted !== undefined && wanted !== account.metadata.uid)) return;
    const annotations: Record<string, string> = { ...secret.metadata.annotations };
    setOwn(annotations, ACCOUNT_UID, account.metadata.uid);
    secret.metadata.annotations = annotations;
    const token = signJwt(secretTokenClaims({ namespace: request.namespace, secret: own, account: { name, uid: account.metadata.uid } }), keys);
    const ca = storedGet(request.reader, configMaps, 'kube-system', 'extension-apiserver-authentication');
    const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');
    const data: Record<string, string> = { ...secret.data };
    setOwn(data, 'ca.crt', base64(getOwn(ca?.data, 'client-ca-file') ?? ''));
    setOwn(data, 'namespace', base64(request.namespace));
    setOwn(data, 'token', base64(token));
    secret.data = data;
  },
});
