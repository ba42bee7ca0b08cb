import type { Describe } from '../../schema/openapi.ts';

/** What is written about types and fields, kept out of memory: most servers are never asked. */
export interface Descriptions {
  /** Changes when the texts do; empty: there are none. */
  version(): Promise<string>;
  /** Reads them. Whoever asked lets go of them soon. */
  open(): Promise<Describe>;
}

/** Every field is explained by its type. */
export const NO_DESCRIPTIONS: Descriptions = {
  version: () => Promise.resolve(''),
  open: () => Promise.resolve(() => undefined),
};
