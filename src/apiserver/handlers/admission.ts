import type { Draft, DraftObject, JsonObject, KubeObject } from '../../machinery/object.ts';
import type { Core } from '../core.ts';
import type { AdmissionOperation, AdmissionPlugin, AdmissionRequest } from '../stages.ts';
import type { Call } from './call.ts';
import type { Target } from './target.ts';

/** A change to another object in the same commit. */
export interface AlsoUpdate {
  readonly group: string;
  readonly resource: string;
  readonly read: KubeObject;
  readonly object: Draft<KubeObject>;
}

export interface AdmissionAbout {
  readonly operation: AdmissionOperation;
  readonly name: string;
  readonly object: DraftObject | undefined;
  readonly old: KubeObject | undefined;
  readonly options: JsonObject;
  readonly dryRun: boolean;
}

/** The admission of one attempt at one request: `mutate`, then `validate`. Both throw StatusError. */
export class Admission {
  readonly also: AlsoUpdate[] = [];
  readonly #plugins: readonly AdmissionPlugin[];
  readonly #request: AdmissionRequest;
  readonly #time: Core['stages']['timeAdmission'];

  constructor(core: Core, call: Call, target: Target, about: AdmissionAbout) {
    const { kind } = target.binding;
    this.#request = {
      ...about,
      kind,
      resource: kind.resource,
      subresource: target.subresource,
      namespace: kind.group === '' && kind.resource === 'namespaces' ? about.name : target.namespace,
      user: call.user,
      reader: core.reader,
      nowMs: core.clock.now(),
      warn: (text) => call.warnings.add(text),
      annotate: (key, value) => call.audit?.annotate(key, value),
      alsoUpdate: (write) => {
        this.also.push(write);
      },
    };
    this.#time = core.stages.timeAdmission;
    this.#plugins = core.stages.admission.filter((plugin) => plugin.handles?.(this.#request) !== false);
  }

  mutate(): Promise<void> {
    return this.#step('admit');
  }

  validate(): Promise<void> {
    return this.#step('validate');
  }

  #step(step: 'admit' | 'validate'): Promise<void> {
    const run = async (): Promise<void> => {
      for (const plugin of this.#plugins) {
        const pending = plugin[step]?.(this.#request);
        if (pending instanceof Promise) await pending;
      }
    };
    return this.#time === undefined ? run() : this.#time(step, this.#request.operation, run);
  }
}

/** CONNECT: exec, attach, port-forward and proxies. `object` is the options of the request, where the kind has some. */
export async function admitConnect(core: Core, call: Call, target: Target, parent: KubeObject | undefined): Promise<void> {
  const about: AdmissionAbout = { operation: 'CONNECT', name: target.name, object: undefined, old: parent, options: {}, dryRun: false };
  const admission = new Admission(core, call, target, about);
  await admission.mutate();
  await admission.validate();
}
