import type { PodTemplateSpec } from '../api/gen/types/core.v1.ts';

export const TEMPLATE_HASH_LABEL = 'pod-template-hash';

const SAFE_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

/**
 * A short name for a pod template: the same for equal templates whatever the order of their keys. `collisions` makes another one
 * when two templates share a name. (Go's own hash covers its in-memory form and can't be had elsewhere; nothing depends on the value.)
 */
export function templateHash(template: PodTemplateSpec | undefined, collisions = 0): string {
  const text = `${canonical(withoutHash(template))}#${collisions}`;
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return [...String(h)].map((digit) => SAFE_ALPHABET[Number(digit) * 2]).join('');
}

/** Whether two templates make the same pods. */
export function sameTemplate(a: PodTemplateSpec | undefined, b: PodTemplateSpec | undefined): boolean {
  return canonical(withoutHash(a)) === canonical(withoutHash(b));
}

function withoutHash(template: PodTemplateSpec | undefined): PodTemplateSpec {
  const { [TEMPLATE_HASH_LABEL]: _, ...labels } = template?.metadata?.labels ?? {};
  return { ...template, metadata: { ...template?.metadata, labels } };
}

/** JSON with sorted keys; absent, undefined, and empty metadata maps are one. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const parts: string[] = [];
  for (const key of Object.keys(value).toSorted()) {
    const item = (value as Record<string, unknown>)[key];
    if (item !== undefined && item !== null) parts.push(`${JSON.stringify(key)}:${canonical(item)}`);
  }
  return `{${parts.join(',')}}`;
}
