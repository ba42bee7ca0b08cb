import { namespaces } from '../../api/gen/resources.ts';
import { objectNotFound, StatusError } from '../../machinery/status-error.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../stages.ts';
import { storedGet } from '../stored.ts';
import { refuse } from './request.ts';

const IMMORTAL: readonly string[] = ['default', 'kube-system', 'kube-public'];

/**
 * NamespaceLifecycle: nothing is created in a namespace that is not there or is being deleted, and the first namespaces stay.
 */
export const namespaceLifecycle: AdmissionPlugin = {
  name: 'NamespaceLifecycle',
  handles: ({ operation, kind, namespace }) => operation !== 'CONNECT' && (namespace !== '' || isNamespace(kind)),
  admit(request) {
    const { operation, kind, name, namespace, reader } = request;
    if (isNamespace(kind)) {
      if (operation === 'DELETE' && IMMORTAL.includes(name)) throw refuse(request, 'this namespace may not be deleted');
      return;
    }
    // A review asks a question; it creates nothing.
    if (operation === 'DELETE' || kind.group === 'authorization.k8s.io') return;
    const found = storedGet(reader, namespaces, '', namespace);
    if (found === undefined) throw objectNotFound({ group: '', resource: 'namespaces' }, namespace);
    if (operation === 'CREATE' && found.status?.phase === 'Terminating') throw terminating(request);
  },
};

function isNamespace({ group, kind }: AdmissionRequest['kind']): boolean {
  return group === '' && kind === 'Namespace';
}

/** Clients look for the cause, to tell it from a refusal by policy. */
function terminating(request: AdmissionRequest): StatusError {
  const { namespace } = request;
  const { message, details } = refuse(request, `unable to create new content in namespace ${namespace} because it is being terminated`);
  const cause = { reason: 'NamespaceTerminating', message: `namespace ${namespace} is being terminated`, field: 'metadata.namespace' };
  return new StatusError('Forbidden', message, { details: { ...details, causes: [cause] } });
}
