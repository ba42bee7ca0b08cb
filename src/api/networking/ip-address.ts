import type * as networking from '../gen/types/networking.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { ipAddressColumns } from './columns.ts';

export const ipAddressRules: KindRules<networking.IPAddress> = { strategy: { allowUnconditionalUpdate: false }, columns: ipAddressColumns, shortNames: ['ip'] };
