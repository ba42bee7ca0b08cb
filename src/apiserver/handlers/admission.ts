import type { Draft, DraftObject, JsonObject, KubeObject } from '../../machinery/object.ts';
import type { Core } from '../core.ts';
import type { AdmissionOperation, AdmissionPlugin, AdmissionRequest, AdmissionStep, AdmissionTimes } from '../stages.ts';
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
  readonly #times: AdmissionTimes | undefined;

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
    this.#times = core.stages.admissionTimes;
    this.#plugins = core.stages.admission.filter((plugin) => plugin.handles?.(this.#request) !== false);
  }

  mutate(): Promise<void> {
    return this.#step('admit');
  }

  validate(): Promise<void> {
    return this.#step('validate');
  }

  async #step(step: AdmissionStep): Promise<void> {
    const { operation } = this.#request;
    const times = this.#times;
    const began = times?.nowMs ?? 0;
    // The end of one is the beginning of the next.
    let before = began;
    for (const plugin of this.#plugins) {
      if (plugin[step] === undefined) continue;
      try {
        const pending = plugin[step](this.#request);
        if (pending instanceof Promise) await pending;
      } catch (thrown) {
        if (times === undefined) throw thrown;
        const { nowMs } = times;
        times.plugin(plugin.name, step, operation, true, nowMs - before);
        times.step(step, operation, true, nowMs - began);
        throw thrown;
      }
      if (times === undefined) continue;
      const { nowMs } = times;
      times.plugin(plugin.name, step, operation, false, nowMs - before);
      before = nowMs;
    }
    times?.step(step, operation, false, before - began);
  }
}

/** CONNECT: exec, attach, port-forward and proxies. `object` is the options of the request, where the kind has some. */
export async function admitConnect(core: Core, call: Call, target: Target, parent: KubeObject | undefined): Promise<void> {
  const about: AdmissionAbout = { operation: 'CONNECT', name: target.name, object: undefined, old: parent, options: {}, dryRun: false };
  const admission = new Admission(core, call, target, about);
  await admission.mutate();
  await admission.validate();
}
