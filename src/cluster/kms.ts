import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type { Client, ServiceError } from '@grpc/grpc-js';
import type { INamespace, Type } from 'protobufjs';
import type { Clock, Timer } from '../base/clock.ts';
import { failure, type Log } from '../base/log.ts';
import { type Random, uuid } from '../base/random.ts';
import { SEALED_PREFIX } from '../store/seal.ts';
import type { EncryptionProvider } from './encryption-config.ts';

/** How often a plugin is asked how it is, as kube-apiserver does. */
const ASK_MS = { healthy: 60_000, unhealthy: 10_000 };
const SEED = 32;
const INFO = 32;
const NONCE = 12;
const TAG = 16;
/** Upstream's bounds on what a plugin answers, bytes. */
const MOST = { source: 1024, keyId: 1024, annotations: 32 * 1024 };
/** EncryptedDEKSourceType of upstream's envelope: the source is a seed, from which each value's key is derived. */
const HKDF_SEED = 1;

export interface KmsSettings {
  readonly provider: Extract<EncryptionProvider, { kind: 'kms' }>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** A seed as the plugin has wrapped it. */
interface Source {
  readonly wrapped: Uint8Array;
  readonly keyId: string;
  readonly annotations: Readonly<Record<string, Uint8Array>>;
  readonly seed: Buffer;
}

/** EncryptedObject of k8s.io/apiserver's kmsv2 envelope. */
interface Envelope {
  readonly encryptedData: Uint8Array;
  readonly keyID: string;
  readonly encryptedDEKSource: Uint8Array;
  readonly annotations: Readonly<Record<string, Uint8Array>>;
  readonly encryptedDEKSourceType: number;
}

/**
 * A KMS v2 plugin (KEP-3299): it wraps one seed, from which a key for each value is derived here, so that a write needs no call. The wrapped
 * seed lies beside each value. Seeds of stored values are unwrapped before the first is read; after that everything is synchronous.
 */
export class Kms implements Disposable {
  /** `k8s:enc:kms:v2:NAME:` */
  readonly prefix: Buffer;
  readonly #settings: KmsSettings;
  readonly #plugin: Plugin;
  /** By the wrapped seed, base64. */
  readonly #known = new Map<string, Source>();
  #current: Source | undefined;
  #health: string | undefined;
  #timer: Timer | undefined;
  #ended = false;

  private constructor(settings: KmsSettings, plugin: Plugin) {
    this.#settings = settings;
    this.#plugin = plugin;
    this.prefix = Buffer.from(`${SEALED_PREFIX}kms:v2:${settings.provider.name}:`);
  }

  /** Throws one line that names the plugin and what it lacks. */
  static async open(settings: KmsSettings): Promise<Kms> {
    const { socket, name } = settings.provider;
    const found = socket.startsWith('@') ? undefined : await stat(socket).catch(() => 'missing' as const);
    if (found === 'missing') throw new Error(`the KMS plugin ${name} does not listen: there is no ${socket}. Start it, then start again`);
    return new Kms(settings, await Plugin.open(settings));
  }

  /** For `/readyz`; undefined: the plugin is well. */
  get health(): string | undefined {
    return this.#health;
  }

  /** Unwraps the seeds of stored values, and takes or makes the one that writes. To be called once, before anything else. */
  async prepare(kept: Iterable<Uint8Array>): Promise<void> {
    const status = await this.#plugin.status();
    const wanted = new Map<string, Envelope>();
    for (const value of kept) {
      const envelope = this.#plugin.decode(value);
      wanted.set(base64(envelope.encryptedDEKSource), envelope);
    }
    for (const [wrapped, { encryptedDEKSource, keyID, annotations }] of wanted) {
      const seed = await this.#plugin.decrypt(encryptedDEKSource, keyID, annotations);
      this.#known.set(wrapped, { wrapped: encryptedDEKSource, keyId: keyID, annotations, seed });
    }
    // One seed for as long as the plugin's key is the same: otherwise each start would add one to unwrap.
    this.#current = [...this.#known.values()].find(({ keyId }) => keyId === status.keyId) ?? (await this.#newSource());
    this.#askLater(ASK_MS.healthy);
  }

  encrypt(path: string, plain: Uint8Array): Uint8Array {
    const source = this.#current;
    if (source === undefined) throw new Error('a KMS provider encrypts only after it has been prepared');
    const info = randomBytes(INFO);
    const nonce = randomBytes(NONCE);
    const cipher = createCipheriv('aes-256-gcm', derive(source.seed, info), nonce).setAAD(Buffer.from(path));
    const encryptedData = Buffer.concat([info, nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    const { keyId: keyID, wrapped: encryptedDEKSource, annotations } = source;
    return this.#plugin.encode({ encryptedData, keyID, encryptedDEKSource, annotations, encryptedDEKSourceType: HKDF_SEED });
  }

  /** `stale`: the plugin's key is another one now. Throws when it was not made with a known seed, or for another object. */
  decrypt(path: string, kept: Uint8Array): { readonly value: Uint8Array; readonly stale: boolean } {
    const { encryptedData: data, encryptedDEKSource } = this.#plugin.decode(kept);
    const source = this.#known.get(base64(encryptedDEKSource));
    if (source === undefined) throw new Error('its seed has not been unwrapped');
    const end = data.byteLength - TAG;
    const key = derive(source.seed, data.subarray(0, INFO));
    const cipher = createDecipheriv('aes-256-gcm', key, data.subarray(INFO, INFO + NONCE), { authTagLength: TAG });
    cipher.setAAD(Buffer.from(path)).setAuthTag(data.subarray(end));
    return { value: Buffer.concat([cipher.update(data.subarray(INFO + NONCE, end)), cipher.final()]), stale: source.keyId !== this.#current?.keyId };
  }

  /** Asks the plugin how it is; a new key id means a new seed for what is written from now on. */
  async ask(): Promise<void> {
    try {
      const { keyId } = await this.#plugin.status();
      if (keyId !== this.#current?.keyId) {
        this.#current = await this.#newSource();
        this.#settings.log.info('the KMS key has changed; what is stored is encrypted anew at the next start', { provider: this.#settings.provider.name });
      }
      this.#health = undefined;
    } catch (thrown) {
      if (this.#health === undefined) this.#settings.log.error('the KMS plugin is not well; writes go on with the seed that it gave', failure(thrown));
      this.#health = thrown instanceof Error ? thrown.message : String(thrown);
    }
    this.#askLater(this.#health === undefined ? ASK_MS.healthy : ASK_MS.unhealthy);
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    this.#timer?.[Symbol.dispose]();
    this.#plugin[Symbol.dispose]();
  }

  async #newSource(): Promise<Source> {
    const seed = randomBytes(SEED);
    const source = { ...(await this.#plugin.encrypt(seed)), seed };
    this.#known.set(base64(source.wrapped), source);
    return source;
  }

  #askLater(ms: number): void {
    if (this.#ended) return;
    this.#timer = this.#settings.clock.setTimer(ms, () => void this.ask());
  }
}

/** HKDF's expand step (RFC 5869) to one block of SHA-256: the seed is random already. */
function derive(seed: Buffer, info: Uint8Array): Buffer {
  return createHmac('sha256', seed).update(info).update(Uint8Array.of(1)).digest();
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');

const SERVICE = '/v2.KeyManagementService';
const field = (type: string, id: number): { readonly type: string; readonly id: number } => ({ type, id });
const annotations = (id: number): { readonly keyType: string; readonly type: string; readonly id: number } => ({ keyType: 'string', type: 'bytes', id });

/** The messages of k8s.io/kms apis/v2 and of the stored envelope, by field number. */
const MESSAGES: INamespace = {
  nested: {
    StatusRequest: { fields: {} },
    StatusResponse: { fields: { version: field('string', 1), healthz: field('string', 2), keyId: field('string', 3) } },
    EncryptRequest: { fields: { plaintext: field('bytes', 1), uid: field('string', 2) } },
    EncryptResponse: { fields: { ciphertext: field('bytes', 1), keyId: field('string', 2), annotations: annotations(3) } },
    DecryptRequest: { fields: { ciphertext: field('bytes', 1), uid: field('string', 2), keyId: field('string', 3), annotations: annotations(4) } },
    DecryptResponse: { fields: { plaintext: field('bytes', 1) } },
    EncryptedObject: {
      fields: {
        encryptedData: field('bytes', 1),
        keyID: field('string', 2),
        encryptedDEKSource: field('bytes', 3),
        annotations: annotations(4),
        encryptedDEKSourceType: field('int32', 5),
      },
    },
  },
};

/** The plugin's three calls, checked as upstream checks them. */
class Plugin implements Disposable {
  readonly #settings: KmsSettings;
  readonly #client: Client;
  readonly #type: (name: string) => Type;

  private constructor(settings: KmsSettings, client: Client, type: (name: string) => Type) {
    this.#settings = settings;
    this.#client = client;
    this.#type = type;
  }

  static async open(settings: KmsSettings): Promise<Plugin> {
    const [grpc, protobuf] = await Promise.all([import('@grpc/grpc-js'), import('protobufjs')]);
    const root = protobuf.default.Root.fromJSON(MESSAGES);
    const { socket } = settings.provider;
    const target = socket.startsWith('@') ? `unix-abstract:${socket.slice(1)}` : `unix://${socket}`;
    const client = new grpc.Client(target, grpc.credentials.createInsecure(), { 'grpc.enable_http_proxy': 0, 'grpc.use_local_subchannel_pool': 1 });
    return new Plugin(settings, client, (name) => root.lookupType(name));
  }

  async status(): Promise<{ readonly keyId: string }> {
    const { version, healthz, keyId } = await this.#call<{ version: string; healthz: string; keyId: string }>('Status', {});
    if (version !== 'v2' && version !== 'v2beta1') throw this.#fault(`expected KMSv2 API version v2, got ${version}`);
    if (healthz !== 'ok') throw this.#fault(`got unexpected healthz status: ${healthz}`);
    this.#checkKeyId(keyId);
    return { keyId };
  }

  async encrypt(plaintext: Uint8Array): Promise<Omit<Source, 'seed'>> {
    const answer = await this.#call<{ ciphertext: Uint8Array; keyId: string; annotations: Record<string, Uint8Array> }>('Encrypt', {
      plaintext,
      uid: uuid(this.#settings.random),
    });
    const size = Object.entries(answer.annotations).reduce((sum, [name, value]) => sum + name.length + value.byteLength, 0);
    this.#checkKeyId(answer.keyId);
    if (answer.ciphertext.byteLength === 0 || answer.ciphertext.byteLength > MOST.source)
      throw this.#fault(`encrypted DEK source is ${answer.ciphertext.byteLength} bytes, 1 to ${MOST.source} are expected`);
    if (size > MOST.annotations) throw this.#fault(`annotations are ${size} bytes, which exceeds the max size of ${MOST.annotations}`);
    const qualified = Object.keys(answer.annotations).find((name) => !name.includes('.'));
    if (qualified !== undefined) throw this.#fault(`annotation ${JSON.stringify(qualified)} should be a domain with at least two segments separated by dots`);
    return { wrapped: answer.ciphertext, keyId: answer.keyId, annotations: answer.annotations };
  }

  async decrypt(ciphertext: Uint8Array, keyId: string, notes: Readonly<Record<string, Uint8Array>>): Promise<Buffer> {
    const { plaintext } = await this.#call<{ plaintext: Uint8Array }>('Decrypt', { ciphertext, keyId, annotations: notes, uid: uuid(this.#settings.random) });
    if (plaintext.byteLength !== SEED) throw this.#fault(`a seed of ${plaintext.byteLength} bytes came back, ${SEED} are expected`);
    return Buffer.from(plaintext);
  }

  encode(envelope: Envelope): Uint8Array {
    const type = this.#type('EncryptedObject');
    return type.encode(type.fromObject(envelope)).finish();
  }

  /** Throws when it is no envelope, or of a kind that only kube-apiserver before 1.29 wrote. */
  decode(kept: Uint8Array): Envelope {
    const type = this.#type('EncryptedObject');
    const envelope = type.toObject(type.decode(kept), { defaults: true, objects: true }) as Envelope;
    if (envelope.encryptedDEKSourceType !== HKDF_SEED) throw new Error(`EncryptedDEKSourceType ${envelope.encryptedDEKSourceType} is not supported`);
    return envelope;
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  #checkKeyId(keyId: string): void {
    if (keyId === '' || Buffer.byteLength(keyId) > MOST.keyId) throw this.#fault(`keyID is ${Buffer.byteLength(keyId)} bytes, 1 to ${MOST.keyId} are expected`);
  }

  #fault(what: string, cause?: unknown): Error {
    return new Error(`the KMS plugin ${this.#settings.provider.name}: ${what}`, { cause });
  }

  #call<T>(method: 'Status' | 'Encrypt' | 'Decrypt', request: object): Promise<T> {
    const [asked, answered] = [this.#type(`${method}Request`), this.#type(`${method}Response`)];
    const deadline = new Date(this.#settings.clock.now() + this.#settings.provider.timeoutMs);
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        `${SERVICE}/${method}`,
        (message: object) => Buffer.from(asked.encode(asked.fromObject(message)).finish()),
        (bytes: Buffer) => answered.toObject(answered.decode(bytes), { defaults: true, objects: true }) as T,
        request,
        { deadline },
        (error: ServiceError | null, value?: T) => {
          if (error !== null || value === undefined) reject(this.#fault(`${method} failed: ${error?.details ?? 'no answer'}`, error));
          else resolve(value);
        },
      );
    });
  }
}
