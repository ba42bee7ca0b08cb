import { ingressClasses, ingresses } from '../../api/gen/resources.ts';
import { getOwn, hasOwn } from '../../machinery/record.ts';
import type { AdmissionPlugin } from '../stages.ts';
import { storedList } from '../stored.ts';
import { draftOf, isAbout } from './request.ts';

const DEFAULT = 'ingressclass.kubernetes.io/is-default-class';
/** The field's name before it was a field. */
const OLD_CLASS = 'kubernetes.io/ingress.class';

/** DefaultIngressClass: an ingress without a class gets the default one; of several the newest, then the first by name. */
export const defaultIngressClass: AdmissionPlugin = {
  name: 'DefaultIngressClass',
  handles: (request) => isAbout(request, ingresses, 'CREATE'),
  admit(request) {
    const ingress = draftOf(request, ingresses);
    if (ingress.spec === undefined || hasOwn(ingress.metadata?.annotations, OLD_CLASS)) return;
    if (ingress.spec.ingressClassName !== undefined && ingress.spec.ingressClassName !== null) return;
    const marked = storedList(request.reader, ingressClasses).filter(({ metadata }) => getOwn(metadata.annotations, DEFAULT) === 'true');
    const [found] = marked.sort(
      (a, b) => compare(b.metadata.creationTimestamp ?? '', a.metadata.creationTimestamp ?? '') || compare(a.metadata.name, b.metadata.name),
    );
    if (found !== undefined) ingress.spec.ingressClassName = found.metadata.name;
  },
};

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
