/**
 * The first public entry of the package, `berth`: a cluster of your own, in your own process.
 *
 * - `startCluster` is what `berth up` runs: a data directory, an API server over TLS, real containers (or simulated nodes).
 * - `startInProcessCluster` needs nothing but memory: for tests of controllers and operators, in well under half a second.
 *
 * `berth/testing` has the same cluster on virtual time, with faults.
 */
export { silentLog, type Log } from '../base/log.ts';
export { SystemRandom, type Random } from '../base/random.ts';
export { SystemClock } from '../base/system-clock.ts';
export type { Clock } from '../base/clock.ts';
export type { Client } from '../client/client.ts';
export type { ComponentOptions, EventRecorder, Informers } from '../client/component.ts';
export { type Cluster, type ClusterSurroundings, startCluster } from './cluster.ts';
export { checkConfig, type ClusterConfig, ConfigError, defaultConfig } from './config.ts';
export { type InProcessCluster, type InProcessClusterOptions, startInProcessCluster } from './in-process.ts';
export { createLog } from './text-log.ts';
