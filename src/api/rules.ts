import type { KindRules } from './kind-rules.ts';

/** The rules of each kind by `kind.group`, and by `kind.version.group` where one version has its own. */
const RULES: Readonly<Record<string, KindRules>> = {};

export function rulesOf({ group, version, kind }: { readonly group: string; readonly version: string; readonly kind: string }): KindRules | undefined {
  return RULES[`${kind}.${version}.${group}`] ?? RULES[`${kind}.${group}`];
}
