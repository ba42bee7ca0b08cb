import { persistentVolumeClaims, persistentVolumes } from '../api/gen/resources.ts';
import type { PersistentVolumeClaim } from '../api/gen/types/core.v1.ts';
import { isFullyBound, reachesNode, SELECTED_NODE, selectedNode } from '../api/core/persistent-volume.rules.ts';
import type { Clock } from '../base/clock.ts';
import type { Client } from '../client/client.ts';
import type { Stored } from '../machinery/object.ts';
import { boundTo, keyOf, type VolumeState } from './volume-state.ts';
import type { VolumePlan } from './volume-view.ts';

/** How long volumes may take to be provisioned before the pod is tried again. Upstream's default. */
const PATIENCE_MS = 600_000;

interface Waiting {
  readonly claim: Stored<PersistentVolumeClaim>;
  /** For which its volume is provisioned. */
  readonly node: string | undefined;
  /** Older versions of the claim say nothing about the plan. */
  readonly since: number;
}

/** Carries out what a decision says about volumes, before the pod itself is bound. */
export class VolumeBinder {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #state: VolumeState;

  constructor(client: Client, clock: Clock, state: VolumeState) {
    this.#client = client;
    this.#clock = clock;
    this.#state = state;
  }

  /** Resolves when every claim of the plan is bound. Rejects when one can't be: the pod is to be looked at again. */
  async bind(plan: VolumePlan, node: string, signal: AbortSignal): Promise<void> {
    if (plan.bind.length + plan.provision.length === 0) return;
    const bound = plan.bind.map(async ({ claim, volume }): Promise<Waiting> => {
      await this.#client.update(persistentVolumes, boundTo(volume, claim), { signal });
      return { claim, node: undefined, since: 0 };
    });
    const selected = plan.provision.map(async (claim): Promise<Waiting> => ({ claim, node, since: await this.#select(claim, node, signal) }));
    await this.#untilBound(await Promise.all([...bound, ...selected]), signal);
    await Promise.all(plan.provision.map((claim) => this.#assertReach(claim, node, signal)));
  }

  /** The volume may have been made for another node, which an earlier decision had chosen. The claim is bound then: its pod goes where it is. */
  async #assertReach({ metadata: { name, namespace } }: Stored<PersistentVolumeClaim>, node: string, signal: AbortSignal): Promise<void> {
    const claim = await this.#client.get(persistentVolumeClaims, name, namespace, { signal });
    const volume = await this.#client.get(persistentVolumes, claim.spec?.volumeName ?? '', undefined, { signal });
    const labels = this.#state.labelsOf(node);
    if (labels === undefined || !reachesNode(volume, { name: node, labels }))
      throw new Error(`pv ${JSON.stringify(volume.metadata.name)} node affinity doesn't match node ${JSON.stringify(node)}`);
  }

  /** The version of the claim from which on the node stands in it. */
  async #select(claim: Stored<PersistentVolumeClaim>, node: string, signal: AbortSignal): Promise<number> {
    if (selectedNode(claim) === node) return 0;
    const { namespace, name, uid } = claim.metadata;
    const body = { metadata: { uid, annotations: { [SELECTED_NODE]: node } } };
    const written = await this.#client.patch(persistentVolumeClaims, name, { type: 'merge', body }, { namespace, signal });
    return Number(written.metadata.resourceVersion);
  }

  #untilBound(waiting: readonly Waiting[], signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const left = new Map(waiting.map((each) => [keyOf(each.claim), each]));
      const end = (fault?: Error): void => {
        listening[Symbol.dispose]();
        timer[Symbol.dispose]();
        signal.removeEventListener('abort', aborted);
        if (fault === undefined) resolve();
        else reject(fault);
      };
      const aborted = (): void => end(new Error('given up'));
      const look = (claim: Stored<PersistentVolumeClaim>, deleted: boolean): void => {
        const key = keyOf(claim);
        const each = left.get(key);
        if (each === undefined) return;
        const fault = faultOf(claim, deleted, each);
        if (fault !== undefined) return end(new Error(fault));
        if (isFullyBound(claim)) left.delete(key);
        if (left.size === 0) end();
      };
      const listening = this.#state.claims.onChange({ updated: (claim) => look(claim, false), deleted: (claim) => look(claim, true) });
      const timer = this.#clock.setTimer(PATIENCE_MS, () => end(new Error('timed out waiting for the volumes to be bound')));
      signal.addEventListener('abort', aborted, { once: true });
      // It may have happened before anybody listened.
      for (const { claim } of waiting) {
        const now = this.#state.claims.get(claim.metadata.name, claim.metadata.namespace);
        look(now ?? claim, now === undefined);
      }
    });
  }
}

/** Why a claim will not be bound as planned. A provisioner that gives up takes the selected node away again. */
function faultOf(claim: Stored<PersistentVolumeClaim>, deleted: boolean, planned: Waiting): string | undefined {
  const { name, uid } = planned.claim.metadata;
  if (deleted || claim.metadata.uid !== uid) return `persistentvolumeclaim "${name}" was deleted while its volume was bound`;
  if (isFullyBound(claim) || planned.node === undefined) return undefined;
  // The cache may still come to states from before the node was written.
  if (Number(claim.metadata.resourceVersion) < planned.since || selectedNode(claim) === planned.node) return undefined;
  return `the provisioner could not make a volume for "${name}" on ${planned.node}`;
}
