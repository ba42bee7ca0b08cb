export const DRIVER_NAME = 'pool.berth.dev';
/** A volume of a pool is reachable from the node that has this label with its own name. */
export const TOPOLOGY_KEY = 'topology.berth.dev/node';
/** In a volume's context, `false`: nothing keeps it from growing past its size (the directory pool). */
export const SIZE_ENFORCED = 'pool.berth.dev/size-enforced';
