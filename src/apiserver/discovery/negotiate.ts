/** Which form of discovery an Accept header asks for. */
export type DiscoveryForm = 'v2' | 'v2beta1' | 'legacy';

/**
 * The first media type of the header that we can make, by quality, then by order. An empty header is legacy JSON; undefined
 * means that nothing of it can be made (406).
 */
export function discoveryForm(accept: string): DiscoveryForm | undefined {
  if (accept.trim() === '') return 'legacy';
  const ranges = accept.split(',').map(parseRange);
  for (const { type, parameters } of ranges.sort((a, b) => b.quality - a.quality)) {
    if (type === 'application/json' && parameters.get('as') === 'APIGroupDiscoveryList' && parameters.get('g') === 'apidiscovery.k8s.io') {
      const version = parameters.get('v');
      if (version === 'v2' || version === 'v2beta1') return version;
      continue;
    }
    if (type === 'application/json' || type === 'application/*' || type === '*/*') return 'legacy';
  }
  // Clients that ask for YAML or protobuf only get JSON, which they can all read, rather than nothing.
  return ranges.some(({ type }) => type === 'application/yaml' || type === 'application/vnd.kubernetes.protobuf') ? 'legacy' : undefined;
}

interface MediaRange {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

function parseRange(text: string): MediaRange {
  const [type = '', ...rest] = text.split(';').map((part) => part.trim());
  const parameters = new Map<string, string>();
  for (const part of rest) {
    const at = part.indexOf('=');
    if (at > 0) parameters.set(part.slice(0, at).toLowerCase(), part.slice(at + 1));
  }
  const quality = Number(parameters.get('q') ?? '1');
  return { type: type.toLowerCase(), parameters, quality: Number.isNaN(quality) ? 0 : quality };
}

export function discoveryContentType(form: DiscoveryForm): string {
  return form === 'legacy' ? 'application/json' : `application/json;g=apidiscovery.k8s.io;v=${form};as=APIGroupDiscoveryList`;
}
