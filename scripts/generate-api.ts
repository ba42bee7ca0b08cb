/**
 * Writes `src/api/gen` from the tables of facts about the Kubernetes API. The tables are not part of this repository; what is
 * made of them is. Usage: `generate-api.ts [DIRECTORY]`; default: `$BERTH_TABLES`, else `../shared/kubernetes-1.36`.
 * Without the tables it says so and leaves the committed files alone.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compactFacts } from './api-tables/facts.ts';
import { readTables } from './api-tables/read.ts';
import { factsModule, kindsModule, resourcesModule, typeModules } from './api-tables/typescript.ts';

const root = join(import.meta.dirname, '..');
const directory = process.argv[2] ?? process.env.BERTH_TABLES ?? join(root, '../shared/kubernetes-1.36');
if (existsSync(directory)) {
  generate(directory);
} else {
  console.log(`No tables of facts at ${directory}: src/api/gen stays as it is. Name their directory as the first argument or in BERTH_TABLES.`);
}

function generate(from: string): void {
  const tables = readTables(from);
  const gen = join(root, 'src/api/gen');
  const types = join(gen, 'types');
  mkdirSync(types, { recursive: true });
  const modules = typeModules(tables);
  for (const [name, text] of modules) writeFileSync(join(types, `${name}.ts`), text);
  for (const file of readdirSync(types)) if (!modules.has(file.replace(/\.ts$/, ''))) rmSync(join(types, file));
  writeFileSync(join(gen, 'resources.ts'), resourcesModule(tables));
  writeFileSync(join(gen, 'kinds.ts'), kindsModule(tables));
  writeFileSync(join(gen, 'facts-data.ts'), factsModule(compactFacts(tables)));
  console.log(`src/api/gen: ${Object.keys(tables.types).length} types in ${modules.size} modules, ${tables.resources.length} resources`);
}
