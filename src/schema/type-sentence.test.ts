import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtinFacts } from '../api/facts.ts';
import { fieldSentence, typeSentence } from './type-sentence.ts';

const ROWS: readonly (readonly [type: string, field: string, sentence: string])[] = [
  ['core.v1.Container', 'image', 'A string.'],
  ['core.v1.Container', 'args', 'A list of strings.'],
  ['core.v1.Container', 'ports', 'A list of ContainerPort objects, no two with the same containerPort and protocol.'],
  ['core.v1.Container', 'imagePullPolicy', 'One of: Always, IfNotPresent, Never.'],
  ['core.v1.Container', 'stdin', 'True or false.'],
  ['core.v1.Container', 'lifecycle', 'A Lifecycle.'],
  ['core.v1.PodSpec', 'affinity', 'An Affinity.'],
  ['core.v1.PodSpec', 'activeDeadlineSeconds', 'A whole number of 64 bits.'],
  ['core.v1.ConfigMap', 'binaryData', 'A map from strings to byte strings in base64.'],
  ['core.v1.ResourceRequirements', 'limits', 'A map from strings to quantities such as 500m, 1.5 or 10Gi.'],
  ['core.v1.ContainerPort', 'hostPort', 'A whole number of 32 bits.'],
  ['core.v1.ServicePort', 'targetPort', 'A whole number or a string.'],
  ['machinery.meta.v1.ObjectMeta', 'creationTimestamp', 'A time such as 2006-01-02T15:04:05Z (RFC 3339).'],
  ['machinery.meta.v1.ObjectMeta', 'finalizers', 'A set of strings.'],
];

for (const [type, field, sentence] of ROWS) {
  test(`${type}.${field}: ${sentence}`, () => {
    const facts = builtinFacts.type(type)?.fields[field];
    assert.ok(facts);
    assert.equal(fieldSentence(builtinFacts, facts), sentence);
  });
}

test('types by themselves', () => {
  assert.equal(typeSentence(builtinFacts, 'core.v1.Pod'), 'A Pod.');
  assert.equal(typeSentence(builtinFacts, 'machinery.api.resource.Quantity'), 'A quantity: a number with or without a suffix, such as 500m, 1.5 or 10Gi.');
});
