import type { Service } from '../../api/gen/types/core.v1.ts';

/**
 * Variables that tell a container of the Services of its namespace, in the forms of the documentation ("environment variables"):
 * `NAME_SERVICE_HOST`, `NAME_SERVICE_PORT[_PORTNAME]` and the older link variables.
 */
export function serviceEnvironment(services: readonly Service[]): readonly (readonly [name: string, value: string])[] {
  const sorted = [...services].sort((a, b) => ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1));
  return sorted.flatMap((service) => {
    const ip = service.spec?.clusterIP ?? '';
    return ip === '' || ip === 'None' ? [] : variablesOf(service, ip);
  });
}

function variablesOf({ metadata, spec }: Service, ip: string): readonly (readonly [string, string])[] {
  const prefix = toName(metadata?.name ?? '');
  const ports = spec?.ports ?? [];
  const first = ports[0];
  if (first === undefined) return [];
  const out: [string, string][] = [
    [`${prefix}_SERVICE_HOST`, ip],
    [`${prefix}_SERVICE_PORT`, String(first.port)],
  ];
  for (const { name, port } of ports) if (name !== undefined && name !== '') out.push([`${prefix}_SERVICE_PORT_${toName(name)}`, String(port)]);
  const host = ip.includes(':') ? `[${ip}]` : ip;
  ports.forEach(({ port, protocol = 'TCP' }, i) => {
    const scheme = protocol.toLowerCase();
    const url = `${scheme}://${host}:${port}`;
    if (i === 0) out.push([`${prefix}_PORT`, url]);
    const link = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
    out.push([link, url], [`${link}_PROTO`, scheme], [`${link}_PORT`, String(port)], [`${link}_ADDR`, ip]);
  });
  return out;
}

function toName(name: string): string {
  return name.toUpperCase().replaceAll('-', '_');
}
