import { type FieldError, FieldPath, invalid } from '../../../machinery/field-error.ts';
import type { Labels } from '../../../machinery/labels.ts';
import { getOwn } from '../../../machinery/record.ts';

/** The Pod Security Standards' levels, each stricter than the one before. */
export const LEVELS = ['privileged', 'baseline', 'restricted'] as const;
export type Level = (typeof LEVELS)[number];

export interface LevelVersion {
  readonly level: Level;
  /** Minor version of Kubernetes whose rules hold; undefined: the newest. */
  readonly minor: number | undefined;
}

/** What a namespace asks for. */
export interface Policy {
  readonly enforce: LevelVersion;
  readonly audit: LevelVersion;
  readonly warn: LevelVersion;
}

const MODES: readonly (keyof Policy)[] = ['enforce', 'audit', 'warn'];
const PREFIX = 'pod-security.kubernetes.io/';
export const PRIVILEGED: LevelVersion = { level: 'privileged', minor: undefined };

export function formatLevel({ level, minor }: LevelVersion): string {
  return `${level}:${minor === undefined ? 'latest' : `v1.${minor}`}`;
}

/**
 * What the labels ask for. Enforcement that makes no sense counts as the strictest, what is only told then as the loosest. Who enforces
 * a level and says nothing about warnings is warned by it: workloads are told at once what will keep their pods out.
 */
export function policyOf(labels: Labels | undefined, defaults: Policy): Policy {
  const label = (name: string): string | undefined => getOwn(labels, PREFIX + name);
  const read = (mode: keyof Policy, otherwise: Level): LevelVersion => {
    const level = label(mode);
    const version = label(`${mode}-version`);
    return {
      level: level === undefined ? defaults[mode].level : isLevel(level) ? level : otherwise,
      minor: version === undefined ? defaults[mode].minor : parseVersion(version)?.minor,
    };
  };
  const enforce = read('enforce', 'restricted');
  const audit = read('audit', 'privileged');
  const warn = read('warn', 'privileged');
  const enforced = label('enforce');
  if (label('warn') !== undefined || enforced === undefined || !isLevel(enforced) || !isStricter(enforce, warn)) return { enforce, audit, warn };
  return { enforce, audit, warn: { level: enforce.level, minor: label('warn-version') === undefined ? enforce.minor : warn.minor } };
}

/** `enforce=baseline:latest, warn=…`: what labels ask for beyond nothing. */
export function formatLabelled(labels: Labels | undefined, policy: Policy): string {
  const modes = MODES.filter(
    (mode) => policy[mode].level !== 'privileged' && [mode, `${mode}-version`].some((name) => getOwn(labels, PREFIX + name) !== undefined),
  );
  return modes.map((mode) => `${mode}=${formatLevel(policy[mode])}`).join(', ');
}

export function isLevel(text: string): text is Level {
  return (LEVELS as readonly string[]).includes(text);
}

export function parseVersion(text: string): { readonly minor: number | undefined } | undefined {
  if (text === 'latest') return { minor: undefined };
  const minor = /^v1\.(0|[1-9][0-9]*)$/.exec(text)?.[1];
  return minor === undefined ? undefined : { minor: Number(minor) };
}

/** What is wrong with a namespace's labels. */
export function labelFaults(labels: Labels | undefined): readonly FieldError[] {
  const path = new FieldPath('metadata').child('labels');
  const faults: FieldError[] = [];
  for (const mode of MODES) {
    const level = getOwn(labels, PREFIX + mode);
    if (level !== undefined && !isLevel(level)) faults.push(invalid(path.key(PREFIX + mode), level, `must be one of ${LEVELS.join(', ')}`));
    const version = getOwn(labels, `${PREFIX}${mode}-version`);
    if (version !== undefined && parseVersion(version) === undefined)
      faults.push(invalid(path.key(`${PREFIX}${mode}-version`), version, 'must be "latest" or "v1.x"'));
  }
  return faults;
}

export function isStricter(a: LevelVersion, b: LevelVersion): boolean {
  return LEVELS.indexOf(a.level) > LEVELS.indexOf(b.level);
}

export function sameLevel(a: LevelVersion, b: LevelVersion): boolean {
  return a.level === b.level && a.minor === b.minor;
}

export function samePolicy(a: Policy, b: Policy): boolean {
  return MODES.every((mode) => sameLevel(a[mode], b[mode]));
}
