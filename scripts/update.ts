/** Makes everything generated again: `node scripts/update.ts TABLES_DIRECTORY`. CI has no tables: it checks what is committed by tests. */
import { spawnSync } from 'node:child_process';

const tables = process.argv[2] ?? process.env.BERTH_TABLES ?? '../shared/kubernetes-1.36';
for (const script of ['scripts/generate-api.ts', 'scripts/generate-grpc.ts']) {
  const { status } = spawnSync(process.execPath, [script, tables], { stdio: 'inherit' });
  if (status !== 0) {
    process.exitCode = 1;
    break;
  }
}
