const SLAB_BYTES = 1024 * 1024;
/** A value that would take more of a slab than this lies by itself. */
const LARGE_BYTES = SLAB_BYTES / 8;
/** Values that came in a smaller buffer are copied out of it. */
const LEAST_ADOPTED_BYTES = SLAB_BYTES / 4;
/** What may lie dead beside what lives: a quarter of it, and so much at least. */
const SPARE_BYTES = 4 * SLAB_BYTES;

/** Many values in one buffer, one after the other, written once: what a reader has a view of never changes. */
export interface Slab {
  readonly bytes: Uint8Array;
  /** Bytes from the start that are taken. */
  used: number;
  /** Bytes of those that are still counted. */
  live: number;
  /** Whose values are counted here, in no order. */
  readonly tenants: Tenant[];
}

/** Whoever has a value in a slab. Only `Slabs` writes it. */
export interface Tenant {
  /** Where the value lies: in its own buffer until it is placed. */
  home: Slab | Uint8Array;
  /** Its first byte in the slab. */
  at: number;
  readonly sizeBytes: number;
  /** Its place among the slab's tenants; -1: it is not counted. Its value can be read all the same. */
  slot: number;
}

/**
 * Keeps values of a few KB in buffers of 1 MB: a buffer of its own costs each some 400 bytes. A slab in which too little lives is
 * emptied into another one and left to the collector, which waits for the last view into it: no byte is ever written twice. What
 * lies dead in slabs is bounded by a quarter of what lives plus 4 MB.
 */
export class Slabs {
  readonly #full = new Set<Slab>();
  #open: Slab | undefined;
  /** The buffer that was adopted last. */
  #adopted: Slab | undefined;
  #capacityBytes = 0;
  #liveBytes = 0;

  /** Of all slabs that are in use. */
  get capacityBytes(): number {
    return this.#capacityBytes;
  }

  /** Of the values in them that have not been released. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** Copies the tenant's value into a slab. A large one lies in a buffer of its own. */
  place(tenant: Tenant): void {
    if (tenant.home instanceof Uint8Array) this.#put(tenant, tenant.home);
  }

  /** As `place`, but values that came together in a large buffer stay there. Nobody else writes to it. */
  adopt(tenant: Tenant): void {
    const { home } = tenant;
    if (!(home instanceof Uint8Array)) return;
    if (home.buffer.byteLength < LEAST_ADOPTED_BYTES || home.byteLength === home.buffer.byteLength) return this.place(tenant);
    if (this.#adopted?.bytes.buffer !== home.buffer) {
      this.#adopted = { bytes: new Uint8Array(home.buffer), used: home.buffer.byteLength, live: 0, tenants: [] };
    }
    if (!this.#full.has(this.#adopted)) {
      this.#full.add(this.#adopted);
      this.#capacityBytes += this.#adopted.bytes.byteLength;
    }
    this.#enter(tenant, this.#adopted, home.byteOffset);
  }

  /** The tenant's value is no longer needed by the store; others may still read it. Safe to repeat. */
  release(tenant: Tenant): void {
    if (tenant.slot === -1) return;
    const slab = this.#leave(tenant);
    if (slab.live === 0 && slab !== this.#open) this.#drop(slab);
    else if (this.#capacityBytes > this.#liveBytes * 1.25 + SPARE_BYTES) this.#empty(this.#sparsest());
  }

  #put(tenant: Tenant, value: Uint8Array): void {
    if (value.byteLength > LARGE_BYTES) {
      tenant.home = value.byteLength === value.buffer.byteLength ? value : value.slice();
      return;
    }
    const slab = this.#withRoom(value.byteLength);
    slab.bytes.set(value, slab.used);
    this.#enter(tenant, slab, slab.used);
    slab.used += value.byteLength;
  }

  #enter(tenant: Tenant, slab: Slab, at: number): void {
    tenant.home = slab;
    tenant.at = at;
    tenant.slot = slab.tenants.push(tenant) - 1;
    slab.live += tenant.sizeBytes;
    this.#liveBytes += tenant.sizeBytes;
  }

  #leave(tenant: Tenant): Slab {
    const slab = tenant.home as Slab;
    const last = slab.tenants.pop() as Tenant;
    if (last !== tenant) {
      slab.tenants[tenant.slot] = last;
      last.slot = tenant.slot;
    }
    tenant.slot = -1;
    slab.live -= tenant.sizeBytes;
    this.#liveBytes -= tenant.sizeBytes;
    return slab;
  }

  #withRoom(sizeBytes: number): Slab {
    if (this.#open !== undefined && this.#open.used + sizeBytes <= SLAB_BYTES) return this.#open;
    if (this.#open !== undefined && this.#open.live > 0) this.#full.add(this.#open);
    else if (this.#open !== undefined) this.#capacityBytes -= SLAB_BYTES;
    this.#open = { bytes: new Uint8Array(SLAB_BYTES), used: 0, live: 0, tenants: [] };
    this.#capacityBytes += SLAB_BYTES;
    return this.#open;
  }

  #drop(slab: Slab): void {
    this.#full.delete(slab);
    this.#capacityBytes -= slab.bytes.byteLength;
  }

  #sparsest(): Slab | undefined {
    let found: Slab | undefined;
    for (const slab of this.#full) if (found === undefined || slab.live < found.live) found = slab;
    return found;
  }

  /** At most one slab is copied for one value released. */
  #empty(slab: Slab | undefined): void {
    if (slab === undefined) return;
    for (let tenant = slab.tenants.at(-1); tenant !== undefined; tenant = slab.tenants.at(-1)) {
      this.#leave(tenant);
      this.#put(tenant, slab.bytes.subarray(tenant.at, tenant.at + tenant.sizeBytes));
    }
    this.#drop(slab);
  }
}
