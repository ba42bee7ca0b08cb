/** What `kubectl explain` says comes from packages, not from this repository: they still have it, for this version of Kubernetes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readDeclaration } from '../scripts/api-descriptions/declarations.ts';
import { builtinFacts } from '../src/api/facts.ts';
import { builtinKinds } from '../src/api/registry.ts';
import { silentLog } from '../src/base/log.ts';
import { PackedDescriptions } from '../src/cluster/packed-descriptions.ts';

const directory = mkdtempSync(join(tmpdir(), 'berth-descriptions-'));
after(() => rmSync(directory, { recursive: true }));

test('the packages describe nearly every type and field that is served by default', async (t) => {
  const file = join(directory, 'made');
  const { status, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, '..', 'scripts', 'descriptions.ts'), file], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const texts = new PackedDescriptions(silentLog, file);
  assert.match(await texts.version(), /^[0-9a-f]{16}$/);
  const describe = await texts.open();
  const prefixes = new Set(
    builtinKinds()
      .filter(({ servedByDefault }) => servedByDefault)
      .map(({ typeName }) => typeName.slice(0, typeName.lastIndexOf('.') + 1)),
  );
  let known = 0;
  let all = 0;
  for (const kind of builtinKinds().filter(({ servedByDefault }) => servedByDefault)) {
    assert.notEqual(describe(kind.typeName), undefined, kind.typeName);
    for (const name of [kind.typeName, `${kind.typeName}Spec`, `${kind.typeName}Status`]) {
      for (const field of Object.keys(builtinFacts.type(name)?.fields ?? {})) {
        all++;
        if (describe(name, field) !== undefined) known++;
      }
    }
  }
  t.diagnostic(`${known} of ${all} fields, ${prefixes.size} group versions`);
  assert.ok(all > 800 && known / all > 0.98, `${known} of ${all}`);
  // Of a scalar, of a reference to another type, of a member whose name the generator had to change, and of what only the older package has.
  for (const [type, field] of [
    ['core.v1.Container', 'image'],
    ['core.v1.Container', 'livenessProbe'],
    ['machinery.meta.v1.ListMeta', 'continue'],
    ['machinery.meta.v1.ObjectMeta', 'creationTimestamp'],
    ['resource.v1alpha3.DeviceTaint', 'effect'],
  ] as const) {
    assert.match(describe(type, field) ?? '', /\w+ \w+/, `${type}.${field}`);
  }
  assert.match(describe('core.v1.Container', 'command') ?? '', /"\$\$\(VAR_NAME\)" will/, 'quotes without backslashes');
  assert.match(describe('admissionregistration.v1.NamedRuleWithOperations', 'resources') ?? '', / '\*\/scale' /, 'what would have ended a comment');
});

test('doc comments of a declaration', () => {
  const file = `import { B } from './B.js';
/**
 * About A.
 */
export interface IA extends TypeMeta {
    "kind": "A";
    /**
     * Two
     *
     *  - lines
     */
    "x-y"?: Array<{
        "inner"?: string;
    }>;
    'z'?: B;
}
/**
 * About the class.
 */
export declare class A {
    /**
     * Not this one.
     */
    "z"?: B;
}
`;
  const prose = readDeclaration(file, (text) => text);
  assert.deepEqual([...(prose?.members ?? [])], ['kind', 'x-y', 'z']);
  assert.deepEqual(
    [...(prose?.texts ?? [])],
    [
      ['', 'About A.'],
      ['x-y', 'Two\n\n - lines'],
    ],
  );
  assert.equal(
    readDeclaration('export {};\n', (text) => text),
    undefined,
  );
});
