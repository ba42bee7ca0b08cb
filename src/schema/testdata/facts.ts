import type { Facts, FieldFacts, TypeFacts } from '../facts.ts';

/** A small made-up API for tests: every shape that the tables know. */
const wire = { number: 1, type: '' };
const field = (type: FieldFacts['type'], more: Partial<FieldFacts> = {}): FieldFacts => ({ type, protobuf: wire, ...more });
const omit = { omitEmpty: true };
const pointer = { pointer: true, omitEmpty: true };

const types: Readonly<Record<string, Omit<TypeFacts, 'name'>>> = {
  'demo.v1.Demo': {
    gvk: { group: 'demo.io', version: 'v1', kind: 'Demo' },
    fields: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: field('demo.v1.Meta', omit),
      spec: field('demo.v1.DemoSpec', omit),
      status: field('demo.v1.Status', omit),
    },
  },
  'demo.v1.Meta': {
    fields: {
      name: field('string', omit),
      namespace: field('string', omit),
      uid: field('string', omit),
      resourceVersion: field('string', omit),
      generation: field('integer:int64', omit),
      creationTimestamp: field('machinery.meta.v1.Time', { omitEmpty: true, omitZero: true }),
      deletionTimestamp: field('machinery.meta.v1.Time', pointer),
      labels: field({ map: 'string' }, omit),
      annotations: field({ map: 'string' }, omit),
      finalizers: field({ list: 'string' }, { ...omit, listType: 'set', patchStrategy: 'merge' }),
      managedFields: field({ list: 'demo.v1.Free' }, { ...omit, listType: 'atomic' }),
    },
  },
  'demo.v1.DemoSpec': {
    fields: {
      count: field('integer:int32'),
      flag: field('boolean', omit),
      text: field('string', omit),
      pointer: field('integer:int32', pointer),
      items: field({ list: 'demo.v1.Item' }, { listType: 'map', listMapKeys: ['name'], patchMergeKey: 'name', patchStrategy: 'merge' }),
      ports: field({ list: 'demo.v1.Port' }, { ...omit, listType: 'map', listMapKeys: ['port', 'protocol'], patchMergeKey: 'port', patchStrategy: 'merge' }),
      tags: field({ list: 'string' }, { ...omit, listType: 'set', patchStrategy: 'merge' }),
      args: field({ list: 'string' }, { ...omit, listType: 'atomic' }),
      labels: field({ map: 'string' }, omit),
      nodes: field({ map: 'string' }, { ...omit, mapType: 'atomic' }),
      byName: field({ map: 'demo.v1.Item' }, omit),
      data: field({ map: 'string:byte' }, omit),
      selector: field('demo.v1.Selector', pointer),
      source: field('demo.v1.Source', { ...pointer, patchStrategy: 'retainKeys' }),
      resources: field('demo.v1.Resources', omit),
      when: field('machinery.meta.v1.Time', omit),
      micro: field('machinery.meta.v1.MicroTime', pointer),
      size: field('machinery.api.resource.Quantity', omit),
      port: field('machinery.util.intstr.IntOrString', omit),
      free: field('demo.v1.Free', pointer),
      tree: field('demo.v1.Tree', pointer),
      mode: field('string', { ...omit, values: ['A', 'B'], closed: true, default: 'A' }),
    },
  },
  'demo.v1.Item': {
    fields: {
      name: field('string', { required: true }),
      value: field('string', omit),
      labels: field({ map: 'string' }, omit),
      size: field('machinery.api.resource.Quantity', pointer),
      ports: field({ list: 'demo.v1.Port' }, { ...omit, listType: 'map', listMapKeys: ['port', 'protocol'], patchMergeKey: 'port', patchStrategy: 'merge' }),
    },
  },
  'demo.v1.Port': {
    fields: { port: field('integer:int32', { required: true }), protocol: field('string', { ...omit, default: 'TCP' }), name: field('string', omit) },
  },
  'demo.v1.Selector': { mapType: 'atomic', fields: { matchLabels: field({ map: 'string' }, omit) } },
  'demo.v1.Source': { fields: { type: field('string', omit), a: field('string', pointer), b: field('string', pointer) } },
  'demo.v1.Resources': { fields: { limits: field({ map: 'machinery.api.resource.Quantity' }, omit) } },
  'demo.v1.Status': {
    fields: {
      ready: field('integer:int32', omit),
      conditions: field({ list: 'demo.v1.Condition' }, { ...omit, listType: 'map', listMapKeys: ['type'], patchMergeKey: 'type', patchStrategy: 'merge' }),
    },
  },
  'demo.v1.Condition': { fields: { type: field('string'), status: field('string'), message: field('string', omit) } },
  'demo.v1.Tree': { fields: { self: field('demo.v1.Tree', pointer), leaf: field('string', omit) } },
  'demo.v1.Free': { fields: {}, scalar: 'object' },
  'machinery.api.resource.Quantity': { fields: {}, scalar: 'string' },
  'machinery.meta.v1.Time': { fields: {}, scalar: 'string:date-time' },
  'machinery.meta.v1.MicroTime': { fields: {}, scalar: 'string:date-time' },
  'machinery.util.intstr.IntOrString': { fields: {}, scalar: 'string:int-or-string' },
};

const built = new Map(Object.entries(types).map(([name, type]): [string, TypeFacts] => [name, { name, ...type }]));

export const facts: Facts = { type: (name) => built.get(name) };
