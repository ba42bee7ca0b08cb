import { RESOURCES } from '../api/gen/kinds.ts';

/** What `--runtime-config` turns on and off: `GROUP/VERSION`, or `api/all`, `api/ga`, `api/beta`, `api/alpha`. */
export type RuntimeConfig = Readonly<Record<string, boolean>>;

interface Version {
  readonly group: string;
  readonly version: string;
  readonly servedByDefault: boolean;
}

const STAGES = ['api/all', 'api/ga', 'api/beta', 'api/alpha'];

/** As kube-apiserver's option has it: `a/v1=true,b/v1beta1=false`; a name alone is true. Undefined: it can not be read. */
export function parseRuntimeConfig(text: string, before: RuntimeConfig = {}): RuntimeConfig | undefined {
  const all: Record<string, boolean> = { ...before };
  for (const part of text.split(',')) {
    const [name = '', value = 'true', ...rest] = part.trim().split('=');
    if (name === '' || rest.length > 0 || (value !== 'true' && value !== 'false')) return undefined;
    all[name] = value === 'true';
  }
  return all;
}

/** The first that names no version of 1.36. */
export function unknownVersion(config: RuntimeConfig): string | undefined {
  const known = new Set([...STAGES, ...RESOURCES.map(nameOf)]);
  return Object.keys(config).find((name) => !known.has(name));
}

/** Whether a version is served: the narrowest word about it counts. */
export function isServed(config: RuntimeConfig, kind: Version): boolean {
  const stage = kind.version.includes('alpha') ? 'api/alpha' : kind.version.includes('beta') ? 'api/beta' : 'api/ga';
  return config[nameOf(kind)] ?? config[stage] ?? config['api/all'] ?? kind.servedByDefault;
}

const nameOf = ({ group, version }: Pick<Version, 'group' | 'version'>): string => (group === '' ? version : `${group}/${version}`);
