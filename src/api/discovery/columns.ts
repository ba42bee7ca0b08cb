import { ageColumn, nameColumn, text } from '../columns.ts';
import type * as discovery from '../gen/types/discovery.v1.ts';
import type { Column } from '../kind.ts';

const MOST = 3;

const shorten = (all: readonly string[], none: string): string =>
  all.length === 0 ? none : all.length > MOST ? `${all.slice(0, MOST).join(',')} + ${all.length - MOST} more...` : all.join(',');

const formatPorts = ({ ports }: discovery.EndpointSlice): string =>
  shorten(
    (ports ?? []).map(({ port, name }) => (port !== undefined ? String(port) : name !== undefined && name !== '' ? name : '*')),
    '<unset>',
  );

export const endpointSliceColumns: readonly Column<discovery.EndpointSlice>[] = [
  nameColumn,
  text('AddressType', 'What its addresses are.', ({ addressType }) => addressType),
  text('Ports', 'Ports of every endpoint.', formatPorts),
  text('Endpoints', 'Addresses.', ({ endpoints }) =>
    shorten(
      (endpoints ?? []).flatMap((e) => e.addresses),
      '<unset>',
    ),
  ),
  ageColumn,
];
