/** The second public entry of the package, `berth/testing`: a whole cluster in a test process, on time that moves only when told. */
export { type Checker, allCheckers } from './checkers.ts';
export { type FaultRates, MANY_FAULTS, NO_FAULTS } from './faults.ts';
export type { ClusterRecord, Sighting } from './record.ts';
export { type Outcome, simulate, type SimulationOptions } from './simulation.ts';
export { type ControlComponent, SimulatedCluster, type SimulatedClusterOptions } from './simulated-cluster.ts';
