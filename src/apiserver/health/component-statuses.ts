import type { JsonObject } from '../../machinery/object.ts';
import { objectNotFound } from '../../machinery/status-error.ts';
import type { VirtualResource } from '../stages.ts';

/** Why it is unwell, or undefined. */
export type ComponentHealth = () => string | undefined | Promise<string | undefined>;

/** ComponentStatus, deprecated since 1.19 and still asked for by `kubectl get cs`: the parts of the control plane and how they are. */
export function componentStatuses(components: Readonly<Record<string, ComponentHealth>>): VirtualResource {
  const show = async (name: string, health: ComponentHealth): Promise<JsonObject> => {
    const why = await health();
    const condition = why === undefined ? { type: 'Healthy', status: 'True', message: 'ok' } : { type: 'Healthy', status: 'False', message: why };
    return { kind: 'ComponentStatus', apiVersion: 'v1', metadata: { name }, conditions: [condition] };
  };
  return {
    group: '',
    resource: 'componentstatuses',
    get: (_, name) => {
      const health = Object.hasOwn(components, name) ? components[name] : undefined;
      if (health === undefined) throw objectNotFound({ group: '', resource: 'componentstatuses' }, name);
      return show(name, health);
    },
    list: () => Promise.all(Object.entries(components).map(([name, health]) => show(name, health))),
  };
}
