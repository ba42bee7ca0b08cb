/** What `property-seed.ts` puts in the place of fast-check: the same, with a seed. */
import fc from 'fast-check';

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env.BERTH_PROPERTY_SEED) });
export * from 'fast-check';
export default fc;
