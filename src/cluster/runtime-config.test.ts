import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkConfig, defaultConfig } from './config.ts';
import { isServed, parseRuntimeConfig, unknownVersion } from './runtime-config.ts';

const beta = { group: 'coordination.k8s.io', version: 'v1beta1', servedByDefault: false };
const stable = { group: '', version: 'v1', servedByDefault: true };

test('--runtime-config is read as kube-apiserver reads it', () => {
  assert.deepEqual(parseRuntimeConfig('api/beta=true,batch/v1=false'), { 'api/beta': true, 'batch/v1': false });
  assert.deepEqual(parseRuntimeConfig('api/alpha', { v1: true }), { v1: true, 'api/alpha': true });
  for (const wrong of ['', 'a/v1=yes', 'a/v1=true=false', '=true', 'a/v1,']) assert.equal(parseRuntimeConfig(wrong), undefined, wrong);
});

test('the narrowest word about a version counts', () => {
  assert.equal(isServed({}, beta), false);
  assert.equal(isServed({}, stable), true);
  assert.equal(isServed({ 'api/all': true }, beta), true);
  assert.equal(isServed({ 'api/all': true, 'api/beta': false }, beta), false);
  assert.equal(isServed({ 'api/beta': true, 'coordination.k8s.io/v1beta1': false }, beta), false);
  assert.equal(isServed({ 'api/alpha': true }, beta), false);
  assert.equal(isServed({ v1: false }, stable), false);
});

test('a version that Kubernetes 1.36 does not have is named', () => {
  assert.equal(unknownVersion({ 'api/all': true, v1: true, 'coordination.k8s.io/v1beta1': true }), undefined);
  assert.equal(unknownVersion({ 'batch/v1': true, 'batch/v2alpha1': true }), 'batch/v2alpha1');
  const config = defaultConfig({ root: false, hostname: 'x' });
  assert.throws(
    () => checkConfig({ ...config, runtimeConfig: { 'batch/v2alpha1': true } }),
    /^ConfigError: --runtime-config batch\/v2alpha1: Kubernetes 1\.36 has no such version/,
  );
});

test('a pool that can hold nothing is refused with the least size', () => {
  const config = defaultConfig({ root: false, hostname: 'x' });
  assert.throws(() => checkConfig({ ...config, pool: { kind: 'auto', sizeBytes: 5 } }), /^ConfigError: --pool-size 5: at least 128Mi/);
  assert.equal(checkConfig({ ...config, pool: { kind: 'auto', sizeBytes: 128 * 2 ** 20 } }).pool.sizeBytes, 128 * 2 ** 20);
  assert.equal(checkConfig(config).pool.sizeBytes, 0);
});
