/** Reads and writes YAML in a thread of its own: the library is a hundred times slower than JSON's. One text in, one answer out. */
import { parentPort } from 'node:worker_threads';
import type { Json } from '../../machinery/object.ts';
import { formatYaml, parseYaml } from '../../schema/yaml.ts';
import type { YamlAnswer, YamlQuestion } from './yaml-thread.ts';

parentPort?.on('message', (question: YamlQuestion) => {
  void answer(question).then((done) => parentPort?.postMessage(done));
});

async function answer(question: YamlQuestion): Promise<YamlAnswer> {
  try {
    if ('write' in question) return { yaml: await formatYaml(JSON.parse(question.write) as Json) };
    const parsed = await parseYaml(question.read);
    if (parsed.fault !== undefined) return { fault: parsed.fault };
    return { json: JSON.stringify(parsed.value), duplicates: parsed.duplicates.map(({ key }) => key) };
  } catch (thrown) {
    return { fault: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}
