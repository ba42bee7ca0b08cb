import type { RawResponse, Route } from '../stages.ts';
import { servedGroups } from './groups.ts';
import type { ServedKinds } from './routes.ts';

/** `/`: every path below which something is, in order (meta/v1 RootPaths). */
export function rootPathsRoute(served: ServedKinds, routes: readonly Route[], checks: readonly string[]): Route {
  const show = (): RawResponse => {
    const groups = servedGroups(served.kinds()).flatMap(({ name, versions }) => {
      const root = name === '' ? '/api' : `/apis/${name}`;
      return [root, ...versions.map(({ version }) => `${root}/${version}`)];
    });
    const paths = new Set([...routes.map(({ path }) => path), ...checks, ...groups, '/apis/', '/openapi/v3/']);
    return { code: 200, body: JSON.stringify({ paths: [...paths].toSorted() }, null, 2) };
  };
  return { match: 'exact', path: '/', handle: show };
}
