/** Reads and writes YAML in a thread of its own: the library is a hundred times slower than JSON's. One text in, one answer out. */
import { parentPort } from 'node:worker_threads';
import type { Json } from '../../machinery/object.ts';
import { scanJson } from '../../schema/json-scan.ts';
import { formatYaml, parseYaml } from '../../schema/yaml.ts';
import { countTokens, defaultBounds } from './scan.ts';
import { TOO_MANY_VALUES, type YamlAnswer, type YamlQuestion } from './yaml-thread.ts';

parentPort?.on('message', (question: YamlQuestion) => {
  void answer(question).then((done) => parentPort?.postMessage(done));
});

async function answer(question: YamlQuestion): Promise<YamlAnswer> {
  try {
    if ('write' in question) return { yaml: await formatYaml(JSON.parse(question.write) as Json) };
    if ('scan' in question) return { report: scanJson(Buffer.from(question.scan).toString('utf8'), question.maxDepth) };
    const parsed = await parseYaml(question.read);
    if (parsed.fault !== undefined) return { fault: parsed.fault };
    // Aliases may have made much of little.
    if (countTokens(parsed.value) > defaultBounds.maxTokens) return { fault: TOO_MANY_VALUES };
    return { json: JSON.stringify(parsed.value), duplicates: parsed.duplicates };
  } catch (thrown) {
    return { fault: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}
