import type { Draft, DraftObject, KubeObject } from '../../machinery/object.ts';
import { applyDefaults as declaredDefaults } from '../../schema/default.ts';
import type { Core } from '../core.ts';
import type { Binding } from '../registry/registry.ts';

/** Fills in what the client left out, in the requested version: what the tables say, then the kind's own rules. */
export function applyDefaults(core: Core, { kind }: Binding, draft: DraftObject): void {
  declaredDefaults(core.facts, kind.typeName, draft);
  kind.strategy.default?.(draft as unknown as Draft<KubeObject>);
}
