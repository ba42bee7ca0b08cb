import assert from 'node:assert/strict';
import { test } from 'node:test';
import { invalidImageName, normalizeImageName } from './image-name.ts';

const SHA = `sha256:${'a'.repeat(64)}`;

for (const [text, full] of [
  ['busybox', 'docker.io/library/busybox:latest'],
  ['busybox:1.36', 'docker.io/library/busybox:1.36'],
  ['bitnami/redis', 'docker.io/bitnami/redis:latest'],
  ['docker.io/busybox', 'docker.io/library/busybox:latest'],
  ['index.docker.io/library/busybox:1', 'docker.io/library/busybox:1'],
  ['quay.io/a/b/c:v1', 'quay.io/a/b/c:v1'],
  ['localhost/mine', 'localhost/mine:latest'],
  ['localhost:5000/mine:x', 'localhost:5000/mine:x'],
  ['registry:5000/mine', 'registry:5000/mine:latest'],
  [`busybox@${SHA}`, `docker.io/library/busybox@${SHA}`],
  [`busybox:1.36@${SHA}`, `docker.io/library/busybox:1.36@${SHA}`],
  ['a__b/c-d.e', 'docker.io/a__b/c-d.e:latest'],
  ['', undefined],
  ['Busybox', undefined],
  ['busybox:', undefined],
  ['busybox:a b', undefined],
  ['busybox@sha256:short', undefined],
  ['a//b', undefined],
  ['-a', undefined],
  ['registry:port/x', undefined],
  [`${'a'.repeat(256)}`, undefined],
] as const) {
  test(`${JSON.stringify(text)} is ${full ?? 'no image name'}`, () => assert.equal(normalizeImageName(text), full));
}

for (const [text, words] of [
  ['Busybox:1', `couldn't parse image name "Busybox:1": invalid reference format: repository name (library/Busybox) must be lowercase`],
  ['quay.io/A/b', `couldn't parse image name "quay.io/A/b": invalid reference format: repository name (A/b) must be lowercase`],
  ['a//b', `couldn't parse image name "a//b": invalid reference format`],
] as const) {
  test(`what is wrong with ${text}`, () => assert.equal(invalidImageName(text), words));
}
