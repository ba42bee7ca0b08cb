import type { Gauge } from '../metrics/route.ts';
import { readOnly } from '../handlers/target.ts';
import type { Route } from '../stages.ts';

/** What `/version` says. `major` and `minor` are integers as text: clients parse them. */
export interface VersionInfo {
  readonly major: string;
  readonly minor: string;
  readonly emulationMajor: string;
  readonly emulationMinor: string;
  readonly minCompatibilityMajor: string;
  readonly minCompatibilityMinor: string;
  readonly gitVersion: string;
  readonly gitCommit: string;
  readonly gitTreeState: string;
  readonly buildDate: string;
  readonly goVersion: string;
  readonly compiler: string;
  readonly platform: string;
}

/**
 * Berth's own version stands after a plus sign: by semantic versioning it is build metadata, so a client that asks for
 * ">=1.36.0" is content. After a minus it would count as older than 1.36.0.
 */
export function versionInfo(berthVersion: string, runtime: { readonly version: string; readonly os: string; readonly arch: string }): VersionInfo {
  return {
    major: '1',
    minor: '36',
    emulationMajor: '1',
    emulationMinor: '36',
    minCompatibilityMajor: '1',
    minCompatibilityMinor: '35',
    gitVersion: `v1.36.0+berth-${berthVersion}`,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: `node-${runtime.version}`,
    compiler: 'node',
    platform: `${runtime.os}/${runtime.arch === 'x64' ? 'amd64' : runtime.arch}`,
  };
}

/** `kubernetes_build_info`, as every part of a cluster has it. */
export function buildInfo({ major, minor, gitVersion, gitCommit, gitTreeState, buildDate, goVersion, compiler, platform }: VersionInfo): Gauge {
  const labels = {
    major,
    minor,
    git_version: gitVersion,
    git_commit: gitCommit,
    git_tree_state: gitTreeState,
    build_date: buildDate,
    go_version: goVersion,
    compiler,
    platform,
  };
  return {
    name: 'kubernetes_build_info',
    help: "A metric with a constant '1' value labeled by major, minor, git version, git commit, git tree state, build date, Go version, and compiler from which Kubernetes was built, and platform on which it is running.",
    values: () => [{ value: 1, labels }],
  };
}

export function versionRoute(info: VersionInfo): Route {
  return { match: 'restful', path: '/version', handle: readOnly(() => ({ code: 200, body: { ...info }, shownAs: 'indented' })) };
}
