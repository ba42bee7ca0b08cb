import { CONTENT_TYPES, type Format, negotiatePlain, preferences } from '../codec/accept.ts';

/** Which form of discovery an Accept header asks for. */
export interface DiscoveryForm {
  readonly shape: 'v2' | 'v2beta1' | 'legacy';
  readonly format: Format;
}

/**
 * The aggregated form wherever the header names it, by quality and then by order, whatever else stands before it (apiserver
 * `aggregated.WrappedHandler`); else the old one. Throws 406 when there is neither.
 */
export function discoveryForm(accept: string): DiscoveryForm {
  for (const { format, parameters } of preferences(accept)) {
    const version = parameters.get('v');
    if (parameters.get('as') !== 'APIGroupDiscoveryList' || parameters.get('g') !== 'apidiscovery.k8s.io') continue;
    if (version === 'v2' || version === 'v2beta1') return { shape: version, format };
  }
  return legacyForm(accept);
}

/** Below the roots there is no other. */
export const legacyForm = (accept: string): DiscoveryForm => ({ shape: 'legacy', format: negotiatePlain(accept).format });

export function discoveryContentType({ shape, format }: DiscoveryForm): string {
  const type = CONTENT_TYPES[format];
  return shape === 'legacy' ? type : `${type};g=apidiscovery.k8s.io;v=${shape};as=APIGroupDiscoveryList`;
}
