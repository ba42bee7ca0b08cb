import type { PersistentVolumeClaim } from '../api/gen/types/core.v1.ts';
import type { CSIStorageCapacity, StorageClass } from '../api/gen/types/storage.v1.ts';
import { csiStorageCapacities, persistentVolumeClaims, storageClasses } from '../api/gen/resources.ts';
import { claimClass, COUNTED_UNTIL, selectedNode } from '../api/core/persistent-volume.rules.ts';
import type { ComponentOptions } from '../client/component.ts';
import type { CsiDriver, StringMap } from '../csi/driver.ts';
import type { Stored } from '../machinery/object.ts';
import { formatQuantity, quantityOf } from '../machinery/quantity.ts';
import { getOwn } from '../machinery/record.ts';
import { StatusError } from '../machinery/status-error.ts';
import { type Controller, source, startController } from '../client/controller.ts';

export interface CapacityOptions extends ComponentOptions {
  readonly nodeName: string;
  readonly driver: CsiDriver;
  readonly topology: StringMap;
}

export const CAPACITY_NAMESPACE = 'kube-system';
const DRIVER_LABEL = 'csi.storage.k8s.io/drivername';
const MANAGED_BY_LABEL = 'csi.storage.k8s.io/managed-by';
/** Claims and deletions come in swarms: one figure for all of them. */
const QUIET_MS = 50;

/** Publishes how much room the driver has on this node: a CSIStorageCapacity for each class of the driver. Keys are class names. */
export function startCapacity(options: CapacityOptions): Controller {
  return new Publisher(options).start();
}

class Publisher {
  readonly #options: CapacityOptions;
  readonly #claims;
  readonly #classes;
  readonly #published;
  /** Classes whose figure has to be looked at again, whatever is published. */
  readonly #due = new Set<string>();
  /** By class, the version that this publisher wrote last. */
  readonly #wrote = new Map<string, string>();

  constructor(options: CapacityOptions) {
    this.#options = options;
    this.#claims = options.informers.of(persistentVolumeClaims);
    this.#classes = options.informers.of(storageClasses);
    this.#published = options.informers.of(csiStorageCapacities, { namespace: CAPACITY_NAMESPACE });
  }

  start(): Controller {
    const { clock } = this.#options;
    let timer: Disposable | undefined;
    /** Every class of the driver shares the room. */
    const wake = (): void => {
      timer ??= clock.setTimer(QUIET_MS, () => {
        timer = undefined;
        for (const { metadata, provisioner } of this.#classes.list()) {
          if (provisioner !== this.#options.driver.name) continue;
          this.#due.add(metadata.name);
          loop.wake(metadata.name);
        }
      });
    };
    const loop = startController(this.#options, {
      name: `capacity-${this.#options.driver.name}`,
      concurrency: 1,
      sources: [
        source(this.#classes, ({ metadata }) => {
          this.#due.add(metadata.name);
          return [metadata.name];
        }),
        source(this.#claims, (claim) => {
          if (this.#isChosenHere(claim)) wake();
          return [];
        }),
        source(this.#published, (object) => (this.#isOurs(object) ? [object.storageClassName] : [])),
      ],
      reconcile: async (className) => {
        if (!this.#due.delete(className) && this.#isOwnEcho(className)) return undefined;
        try {
          await this.#publish(className);
        } catch (thrown) {
          this.#due.add(className);
          throw thrown;
        }
        return undefined;
      },
    });
    return {
      name: loop.name,
      /** Whatever the key. */
      wake,
      [Symbol.asyncDispose]: async () => {
        timer?.[Symbol.dispose]();
        await loop[Symbol.asyncDispose]();
      },
    };
  }

  /**
   * What is published is what was written here, and this pass is only the news of it. Each write takes room of the disk that the
   * figure is about: looking again would find another figure, and write for ever.
   */
  #isOwnEcho(className: string): boolean {
    const version = this.#published.get(this.#name(className), CAPACITY_NAMESPACE)?.metadata.resourceVersion;
    return version !== undefined && version === this.#wrote.get(className);
  }

  async #publish(className: string): Promise<void> {
    const { client, driver } = this.#options;
    const storageClass = this.#classes.get(className);
    const there = this.#published.get(this.#name(className), CAPACITY_NAMESPACE);
    if (storageClass?.provisioner !== driver.name) return there === undefined ? undefined : this.#remove(there);
    // Asked before the driver is: what is counted is then certainly in the figure.
    const counted = countedUntil(this.#claims.list(), (claim) => this.#isPending(claim));
    const capacity = await driver.capacity(parametersOf(storageClass));
    if (capacity === undefined) return;
    const object = this.#object(className, capacity, counted);
    if (there !== undefined && !differs(there, object) && !this.#isBehind(there, counted)) return;
    const written =
      there === undefined
        ? await client.create(csiStorageCapacities, object)
        : await client.update(csiStorageCapacities, {
            ...object,
            metadata: { ...there.metadata, ...object.metadata, resourceVersion: there.metadata.resourceVersion },
          });
    this.#wrote.set(className, written.metadata.resourceVersion);
  }

  #isPending(claim: Stored<PersistentVolumeClaim>): boolean {
    return (claim.spec?.volumeName ?? '') === '' && this.#isChosenHere(claim);
  }

  #isChosenHere(claim: Stored<PersistentVolumeClaim>): boolean {
    return selectedNode(claim) === this.#options.nodeName && this.#classes.get(claimClass(claim) ?? '')?.provisioner === this.#options.driver.name;
  }

  /** A claim that the figure counts lies beyond the published mark (it was bound, or touched, since): the scheduler would count it again. */
  #isBehind(there: CSIStorageCapacity, counted: string | undefined): boolean {
    const published = getOwn(there.metadata?.annotations, COUNTED_UNTIL);
    if (counted === undefined) return false;
    if (published === undefined) return this.#claims.list().some((claim) => this.#isChosenHere(claim));
    const beyond = ({ metadata }: Stored<PersistentVolumeClaim>): boolean =>
      /^\d+$/.test(metadata.resourceVersion) && BigInt(metadata.resourceVersion) > BigInt(published) && BigInt(metadata.resourceVersion) <= BigInt(counted);
    return this.#claims.list().some((claim) => beyond(claim) && this.#isChosenHere(claim));
  }

  #object(
    storageClassName: string,
    { availableBytes, maximumVolumeBytes }: { readonly availableBytes: number; readonly maximumVolumeBytes?: number },
    counted: string | undefined,
  ): CSIStorageCapacity {
    const { driver, nodeName, topology } = this.#options;
    return {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'CSIStorageCapacity',
      metadata: {
        name: this.#name(storageClassName),
        namespace: CAPACITY_NAMESPACE,
        labels: { [DRIVER_LABEL]: driver.name, [MANAGED_BY_LABEL]: `berth-${nodeName}` },
        annotations: counted === undefined ? {} : { [COUNTED_UNTIL]: counted },
      },
      storageClassName,
      nodeTopology: { matchLabels: topology },
      capacity: formatQuantity(quantityOf(availableBytes, 'BinarySI')),
      ...(maximumVolumeBytes === undefined ? {} : { maximumVolumeSize: formatQuantity(quantityOf(maximumVolumeBytes, 'BinarySI')) }),
    };
  }

  async #remove(object: Stored<CSIStorageCapacity>): Promise<void> {
    if (!this.#isOurs(object)) return;
    try {
      await this.#options.client.delete(csiStorageCapacities, object.metadata.name, CAPACITY_NAMESPACE);
    } catch (thrown) {
      if (!(thrown instanceof StatusError) || thrown.reason !== 'NotFound') throw thrown;
    }
  }

  #isOurs({ metadata }: CSIStorageCapacity): boolean {
    return (
      getOwn(metadata?.labels, MANAGED_BY_LABEL) === `berth-${this.#options.nodeName}` && getOwn(metadata?.labels, DRIVER_LABEL) === this.#options.driver.name
    );
  }

  #name(className: string): string {
    return `${this.#options.driver.name}-${this.#options.nodeName}-${className}`.slice(0, 253);
  }
}

/** Up to where it counts: below the oldest claim that is chosen for this node and has no volume yet, else the newest claim seen. */
export function countedUntil(
  claims: readonly Stored<PersistentVolumeClaim>[],
  isPending: (claim: Stored<PersistentVolumeClaim>) => boolean,
): string | undefined {
  let newest: bigint | undefined;
  let oldestPending: bigint | undefined;
  for (const claim of claims) {
    // The one place, with the scheduler's ledger, that orders versions: both speak of one resource of one server.
    if (!/^\d+$/.test(claim.metadata.resourceVersion)) continue;
    const version = BigInt(claim.metadata.resourceVersion);
    if (newest === undefined || version > newest) newest = version;
    if (isPending(claim) && (oldestPending === undefined || version < oldestPending)) oldestPending = version;
  }
  return (oldestPending === undefined ? newest : oldestPending - 1n)?.toString();
}

function parametersOf({ parameters = {} }: StorageClass): StringMap {
  return Object.fromEntries(Object.entries(parameters).filter(([key]) => !key.startsWith('csi.storage.k8s.io/')));
}

/** A mark that moved while the figure stands still says nothing new, unless a claim lies between (`#isBehind`). */
function differs(there: CSIStorageCapacity, now: CSIStorageCapacity): boolean {
  return (
    there.capacity !== now.capacity ||
    there.maximumVolumeSize !== now.maximumVolumeSize ||
    JSON.stringify(there.nodeTopology) !== JSON.stringify(now.nodeTopology)
  );
}
