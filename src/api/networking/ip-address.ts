import type * as networking from '../gen/types/networking.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { ipAddressColumns } from './columns.ts';
import { strictIpFaults } from '../ip.ts';
import { validateIPAddress, validateIPAddressUpdate } from './address.validation.ts';

export const ipAddressRules: KindRules<networking.IPAddress> = {
  strategy: { validateName: strictIpFaults, allowUnconditionalUpdate: true, validateCreate: validateIPAddress, validateUpdate: validateIPAddressUpdate },
  columns: ipAddressColumns,
  shortNames: ['ip'],
};
