/**
 * Preloaded by `scripts/test.ts` where a commit is judged (`CI=true`): every property test draws from `BERTH_PROPERTY_SEED`, so that the same
 * commit gets the same verdict twice. Elsewhere they draw anew each time, and find what is new.
 */
import { registerHooks } from 'node:module';

const SEEDED = new URL('./seeded-fast-check.ts', import.meta.url).href;

registerHooks({
  resolve: (specifier, context, next) => next(specifier === 'fast-check' && context.parentURL !== SEEDED ? SEEDED : specifier, context),
});
