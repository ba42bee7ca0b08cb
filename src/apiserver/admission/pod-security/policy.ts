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

const PREFIX = 'pod-security.kubernetes.io/';
export const PRIVILEGED: LevelVersion = { level: 'privileged', minor: undefined };

export function formatLevel({ level, minor }: LevelVersion): string {
  return `${level}:${minor === undefined ? 'latest' : `v1.${minor}`}`;
}

/** A label that says nothing sensible counts as the strictest. */
export function policyOf(labels: Labels | undefined, defaults: Policy): Policy {
  const enforce = levelOf(labels, 'enforce', defaults.enforce);
  return { enforce, audit: levelOf(labels, 'audit', defaults.audit), warn: levelOf(labels, 'warn', defaults.warn) };
}

function levelOf(labels: Labels | undefined, mode: keyof Policy, fallback: LevelVersion): LevelVersion {
  const level = getOwn(labels, PREFIX + mode);
  const version = getOwn(labels, `${PREFIX}${mode}-version`);
  return {
    level: level === undefined ? fallback.level : isLevel(level) ? level : 'restricted',
    minor: version === undefined ? fallback.minor : parseVersion(version)?.minor,
  };
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
  for (const mode of ['enforce', 'audit', 'warn']) {
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
