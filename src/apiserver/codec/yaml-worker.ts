/** Reads YAML in a thread of its own: the library is a hundred times slower than JSON.parse. One text in, one answer out. */
import { parentPort } from 'node:worker_threads';
import { parseYaml } from '../../schema/yaml.ts';
import type { YamlAnswer } from './yaml-thread.ts';

parentPort?.on('message', (bytes: Uint8Array) => {
  void answer(bytes).then((done) => parentPort?.postMessage(done));
});

async function answer(bytes: Uint8Array): Promise<YamlAnswer> {
  try {
    const parsed = await parseYaml(bytes);
    if (parsed.fault !== undefined) return { fault: parsed.fault };
    return { json: JSON.stringify(parsed.value), duplicates: parsed.duplicates.map(({ key }) => key) };
  } catch (thrown) {
    return { fault: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}
