import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall, type UntypedServiceImplementation } from '@grpc/grpc-js';
import protobuf from 'protobufjs';

const PROTO = `
syntax = "proto3";
package v2;
message StatusRequest {}
message StatusResponse { string version = 1; string healthz = 2; string key_id = 3; }
message DecryptRequest { bytes ciphertext = 1; string uid = 2; string key_id = 3; map<string, bytes> annotations = 4; }
message DecryptResponse { bytes plaintext = 1; }
message EncryptRequest { bytes plaintext = 1; string uid = 2; }
message EncryptResponse { bytes ciphertext = 1; string key_id = 2; map<string, bytes> annotations = 3; }
`;

type Message = Record<string, unknown>;

/** A KMS v2 plugin of its own: AES-256-GCM under keys that it names, over a real socket. */
export class KmsPlugin implements AsyncDisposable {
  healthz = 'ok';
  version = 'v2';
  readonly calls: string[] = [];
  readonly #keys = new Map<string, Buffer>();
  #keyId = '';
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async listen(socket: string): Promise<KmsPlugin> {
    const server = new Server();
    const plugin = new KmsPlugin(server);
    plugin.rotate('key-1');
    const { root } = protobuf.parse(PROTO);
    const methods = ['Status', 'Encrypt', 'Decrypt'] as const;
    const codec = (name: string) => root.lookupType(`v2.${name}`);
    const definition = Object.fromEntries(
      methods.map((name) => [
        name,
        {
          path: `/v2.KeyManagementService/${name}`,
          requestStream: false,
          responseStream: false,
          requestSerialize: (message: Message) => Buffer.from(codec(`${name}Request`).encode(message).finish()),
          requestDeserialize: (bytes: Buffer) => codec(`${name}Request`).decode(bytes) as unknown as Message,
          responseSerialize: (message: Message) => Buffer.from(codec(`${name}Response`).encode(message).finish()),
          responseDeserialize: (bytes: Buffer) => codec(`${name}Response`).decode(bytes) as unknown as Message,
        },
      ]),
    );
    const answers = {
      Status: () => plugin.#status(),
      Encrypt: (asked: Message) => plugin.#encrypt(asked),
      Decrypt: (asked: Message) => plugin.#decrypt(asked),
    };
    const handlers: UntypedServiceImplementation = Object.fromEntries(
      methods.map((name) => [
        name,
        (call: ServerUnaryCall<Message, Message>, answer: sendUnaryData<Message>) => {
          plugin.calls.push(name);
          try {
            answer(null, answers[name](call.request));
          } catch (thrown) {
            answer({ code: 13, details: String(thrown) });
          }
        },
      ]),
    );
    server.addService(definition, handlers);
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`unix://${socket}`, ServerCredentials.createInsecure(), (fault) => (fault === null ? resolve() : reject(fault)));
    });
    return plugin;
  }

  /** What is wrapped from now on is wrapped with this key; older ones still unwrap. */
  rotate(keyId: string): void {
    this.#keyId = keyId;
    this.#keys.set(keyId, randomBytes(32));
  }

  #status(): Message {
    return { version: this.version, healthz: this.healthz, keyId: this.#keyId };
  }

  #encrypt({ plaintext }: Message): Message {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.#key(this.#keyId), nonce);
    const ciphertext = Buffer.concat([nonce, cipher.update(plaintext as Uint8Array), cipher.final(), cipher.getAuthTag()]);
    return { ciphertext, keyId: this.#keyId, annotations: { 'plugin.example.com/version': Buffer.from('1') } };
  }

  #decrypt({ ciphertext, keyId, annotations }: Message): Message {
    if (!('plugin.example.com/version' in (annotations as object))) throw new Error('the annotations did not come back');
    const sealed = Buffer.from(ciphertext as Uint8Array);
    const end = sealed.byteLength - 16;
    const cipher = createDecipheriv('aes-256-gcm', this.#key(String(keyId)), sealed.subarray(0, 12)).setAuthTag(sealed.subarray(end));
    return { plaintext: Buffer.concat([cipher.update(sealed.subarray(12, end)), cipher.final()]) };
  }

  #key(keyId: string): Buffer {
    const key = this.#keys.get(keyId);
    if (key === undefined) throw new Error(`no key ${keyId}`);
    return key;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve()));
  }
}
