import assert from 'node:assert/strict';
import { test } from 'node:test';
import { negotiate, type Offers } from './accept.ts';

const all: Offers = { protobuf: true, table: true, partial: { list: true, goType: '*core.PodList' } };
const PARTIAL = 'application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';

const rows: readonly (readonly [header: string | undefined, offers: Offers, seen: string])[] = [
  [undefined, all, 'json'],
  ['*/*', all, 'json'],
  ['application/vnd.kubernetes.protobuf,application/json', all, 'protobuf'],
  ['application/vnd.kubernetes.protobuf, */*', { ...all, protobuf: false }, 'json'],
  [`${TABLE},application/json`, all, 'json Table v1'],
  [`${TABLE},application/json`, { ...all, table: false }, 'json'],
  ['application/json;as=Table;v=v1beta1;g=meta.k8s.io', all, 'json Table v1beta1'],
  ['application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io', all, 'json PartialObjectMetadataList v1'],
  ['application/json;q=0.1,application/yaml', all, 'yaml'],
  ['text/html', all, '406'],
  [TABLE, { ...all, table: false }, '406'],
  ['application/vnd.kubernetes.protobuf', { ...all, protobuf: false }, '406'],
  [PARTIAL, all, 'protobuf PartialObjectMetadataList v1'],
  [PARTIAL, { ...all, protobuf: false }, 'protobuf PartialObjectMetadataList v1'],
  [PARTIAL.replace('List', ''), all, '406'],
  [`${PARTIAL.replace('List', '')},application/json`, all, '406'],
  [`${PARTIAL},application/json`, { ...all, partial: undefined }, 'json'],
  [PARTIAL, { ...all, partial: 'as it is' }, 'protobuf'],
  ['application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io,application/json', all, 'json'],
  ['application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io', all, '406'],
  ['application/json;v=v1;g=meta.k8s.io', all, '406'],
  ['application/json;sv=v1', all, 'json'],
  ['application/json;sv=v2', all, '406'],
];

test('the first clause of Accept that can be met', () => {
  for (const [header, offers, seen] of rows) {
    let got: string;
    try {
      const { format, as, metaVersion } = negotiate(header, offers);
      got = as === undefined ? format : `${format} ${as} ${metaVersion}`;
    } catch {
      got = '406';
    }
    assert.equal(got, seen, header ?? 'none');
  }
});
