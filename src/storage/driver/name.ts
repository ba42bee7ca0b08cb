export const DRIVER_NAME = 'pool.berth.dev';
/** A volume of a pool is reachable from the node that has this label with its own name. */
export const TOPOLOGY_KEY = 'topology.berth.dev/node';
