import type { RawResponse, Route } from '../stages.ts';
import { servedGroups } from './groups.ts';
import type { ServedKinds } from './routes.ts';

/** `/`: every path below which something is, in order (meta/v1 RootPaths). */
export function rootPathsRoutes(served: ServedKinds, routes: readonly Route[], checks: readonly string[]): readonly Route[] {
  const show = (): RawResponse => {
    const groups = servedGroups(served.kinds()).flatMap(({ name, versions }) => {
      const root = name === '' ? '/api' : `/apis/${name}`;
      return [root, ...versions.map(({ version }) => `${root}/${version}`)];
    });
    const paths = new Set([...routes.map(({ path }) => path), ...checks, ...groups, '/apis/', '/openapi/v3/']);
    return { code: 200, body: JSON.stringify({ paths: [...paths].toSorted() }, null, 2) };
  };
  // The second stands in no list.
  return ['/', '/index.html'].map((path) => ({ match: 'exact', path, handle: show }));
}
