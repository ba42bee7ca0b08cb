/** Wire protocols, files, tokens and what lies on disk. */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { FileHandle } from 'node:fs/promises';
import { duplexPair } from 'node:stream';
import { constants, deflateSync } from 'node:zlib';
import type { WebSocket } from 'ws';
import { pemBlocks } from '../../../src/api/certificates/pem.ts';
import { readPublicKey } from '../../../src/api/certificates/public-key.ts';
import { certificatesFault, requestFault } from '../../../src/api/certificates/x509.ts';
import { verifySignature } from '../../../src/cluster/verify-signature.ts';
import { peekJwt, signJwt, verifyJwt } from '../../../src/apiserver/authn/jwt.ts';
import { oidcUser } from '../../../src/apiserver/authn/oidc.ts';
import { subjectOf, userOf } from '../../../src/apiserver/authn/service-account-token.ts';
import { createProjector } from '../../../src/apiserver/codec/projection.ts';
import { encodeRecord, parseManaged, readSegments, recordApiVersion } from '../../../src/apiserver/codec/record.ts';
import { SeededRandom } from '../../../src/base/random.ts';
import { VirtualClock } from '../../../src/base/virtual-clock.ts';
import { parseRequest } from '../../../src/cluster/certificate-issue.ts';
import { hmacKeys } from '../../../src/cluster/node-keys.ts';
import type { Json, JsonObject, KubeObject } from '../../../src/machinery/object.ts';
import { ArchiveError, readImageArchive } from '../../../src/node/runtime/image-archive.ts';
import { buildOciArchive } from '../../../src/node/runtime/oci-build.ts';
import { SPDY_DICTIONARY } from '../../../src/node/streams/spdy-dictionary.ts';
import { SpdyError } from '../../../src/node/streams/spdy-error.ts';
import {
  dataFrameHead,
  type Frame,
  FrameParser,
  goawayFrame,
  pingFrame,
  resetFrame,
  synReplyFrame,
  synStreamFrame,
  windowUpdateFrame,
} from '../../../src/node/streams/spdy-frames.ts';
import { HeaderDecoder, HeaderEncoder } from '../../../src/node/streams/spdy-headers.ts';
import { SpdySession } from '../../../src/node/streams/spdy-session.ts';
import { WEBSOCKET_COMMAND_PROTOCOLS, WebSocketCommand } from '../../../src/node/streams/websocket-command.ts';
import { joined } from '../mutate.ts';
import { derShape, jsonShape, tarShape } from '../shapes.ts';
import type { Target } from '../target.ts';
import { registry } from './bodies.ts';

const never = (): boolean => false;

const HEADERS = new Map([
  ['streamtype', 'stdin'],
  ['port', '80'],
  ['requestid', '0'],
]);

/** Four lengths, little-endian or not: names and values of a header block. */
function block(headers: ReadonlyMap<string, string>): Buffer {
  const int = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
  return Buffer.concat([int(headers.size), ...[...headers].flat().flatMap((text) => [int(text.length), Buffer.from(text)])]);
}

/** As Go's client packs it. */
const packed = deflateSync(block(HEADERS), { dictionary: Buffer.from(SPDY_DICTIONARY), finishFlush: constants.Z_SYNC_FLUSH });

/** Everything that is heard, pieces of one data frame joined. */
function session(pieces: readonly Uint8Array[]): unknown {
  const parser = new FrameParser();
  const decoder = new HeaderDecoder();
  const heard: unknown[] = [];
  const hear = (frame: Frame): void => {
    const last = heard.at(-1) as { type?: string; streamId?: number; data?: string; fin?: boolean } | undefined;
    if (frame.type === 'data') {
      const data = frame.data.toString('latin1');
      if (last?.type === 'data' && last.streamId === frame.streamId && last.fin === false) Object.assign(last, { data: `${last.data}${data}`, fin: frame.fin });
      else heard.push({ ...frame, data });
    } else heard.push('block' in frame ? { ...frame, block: undefined, headers: [...decoder.decode(frame.block)] } : frame);
  };
  try {
    for (const piece of pieces) for (const frame of parser.parse(piece)) hear(frame);
  } catch (thrown) {
    if (!(thrown instanceof SpdyError)) throw thrown;
    heard.push(thrown.code);
  }
  return heard;
}

const spdy: Target = {
  name: 'spdy',
  seeds: [
    joined(synStreamFrame(1, new HeaderEncoder().encode(HEADERS), false), dataFrameHead(1, 3, true), Buffer.from('abc'), pingFrame(1), windowUpdateFrame(1, 9)),
    joined(synStreamFrame(1, packed, true), synReplyFrame(1, Buffer.alloc(0), false), resetFrame(1, 5), goawayFrame(1, 0)),
    // Settings: one entry, the first window.
    Buffer.from('8003000400000014000000010000000700010000', 'hex'),
  ],
  words: ['\x80\x03\x00\x01', '\x80\x03\x00\x08', '\x00\x00\x00\x01', '\x78\xbb', '\x78\x01', '\xff\xff\xff\xff'],
  refuses: never,
  run(input) {
    const whole = session([input]);
    const third = Math.ceil(input.byteLength / 3);
    assert.deepEqual(session([input.subarray(0, third), input.subarray(third, 2 * third), input.subarray(2 * third)]), whole);
  },
};

/** The whole session behind the upgrade: streams that are opened, written to, reset and forgotten. */
const spdySession: Target = {
  name: 'spdy-session',
  seeds: spdy.seeds,
  words: spdy.words ?? [],
  perByteUs: 20,
  refuses: never,
  async run(input) {
    const [left, right] = duplexPair();
    left.on('error', () => {});
    left.resume();
    let received = 0;
    using session = new SpdySession({
      role: 'server',
      wire: right,
      clock: new VirtualClock(),
      flowControl: (input[0] ?? 0) % 2 === 0,
      accept: (stream) => {
        stream.reply();
        void (async () => {
          for await (const bytes of stream.read) received += bytes.byteLength;
          await stream.end();
        })().catch(onlySpdy);
      },
    });
    left.write(input.subarray(0, input.byteLength >> 1));
    left.end(input.subarray(input.byteLength >> 1));
    const error = await session.closed;
    if (error !== undefined) onlySpdy(error);
    assert.ok(received <= input.byteLength);
  },
};

function onlySpdy(thrown: unknown): void {
  if (!(thrown instanceof SpdyError)) throw thrown;
}

/** The server's end of a WebSocket, as much of it as a command uses. */
class FakeSocket extends EventEmitter {
  readonly OPEN = 1;
  readonly CONNECTING = 0;
  readyState = 1;
  isPaused = false;
  readonly protocol: string;

  constructor(protocol: string) {
    super();
    this.protocol = protocol;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  ping(): void {
    this.emit('pong');
  }

  send(_message: unknown, _options: unknown, sent: () => void): void {
    sent();
  }

  close(): void {
    this.readyState = 3;
    this.emit('close');
  }

  terminate(): void {
    this.close();
  }
}

/** A byte that chooses the protocol; then messages: a byte whose lowest bit says that it is binary, the length, the bytes. */
const websocket: Target = {
  name: 'websocket',
  seeds: [
    joined(Uint8Array.of(0, 1, 3), Buffer.from('\0ab'), Uint8Array.of(1, 26), Buffer.from('\x04{"Width":80,"Height":24}\n'), Uint8Array.of(1, 2, 255, 0)),
    joined(Uint8Array.of(2, 0, 9), Buffer.from('0aGVsbG8='), Uint8Array.of(0, 1), Buffer.from('9'), Uint8Array.of(0, 0)),
  ],
  words: ['\x04{"Width":', '"Height":', '4e30=', '0', '1', '\xff\x00', '}', '{}'],
  refuses: never,
  async run(input) {
    const socket = new FakeSocket(WEBSOCKET_COMMAND_PROTOCOLS[(input[0] ?? 0) % WEBSOCKET_COMMAND_PROTOCOLS.length] ?? '');
    using command = new WebSocketCommand(socket as unknown as WebSocket, { stdin: true, stdout: true, stderr: true, tty: true }, new VirtualClock());
    let sizes = 0;
    command.onResize((width, height) => {
      sizes++;
      assert.ok(width > 0 && width <= 0xffff && height > 0 && height <= 0xffff);
    });
    let sent = 0;
    for (let at = 1; at + 2 <= input.byteLength; ) {
      const length = input[at + 1] ?? 0;
      const message = Buffer.from(input.subarray(at + 2, at + 2 + length));
      sent += message.length;
      socket.emit('message', message, ((input[at] ?? 0) & 1) === 1);
      at += 2 + length;
    }
    socket.close();
    let received = 0;
    for await (const bytes of command.stdin ?? []) received += bytes.byteLength;
    await command.closed;
    assert.ok(received <= sent && sizes <= sent);
  },
};

/** A file of an archive; the checksum of its header is `tarShape`'s matter. */
function tarFile(name: string, content: string | Uint8Array, type = '0'): Uint8Array {
  const bytes = Buffer.from(content);
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000644\0', 100);
  header.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write(`${type}`, 156);
  header.write('ustar\x0000', 257, 'latin1');
  return joined(header, bytes, Buffer.alloc(Math.ceil(bytes.length / 512) * 512 - bytes.length));
}

const seal = (archive: Uint8Array): Uint8Array => {
  const out = Buffer.from(archive);
  for (let at = 0; at + 512 <= out.length; at += 512) {
    if (out.toString('latin1', at + 257, at + 262) !== 'ustar') continue;
    out.fill(0x20, at + 148, at + 156);
    const sum = out.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
    out.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1');
  }
  return out;
};

const pax = (records: Readonly<Record<string, string>>): string =>
  Object.entries(records)
    .map(([key, value]) => {
      const rest = ` ${key}=${value}\n`;
      const length = rest.length + String(rest.length + 2).length;
      return `${length}${rest}`;
    })
    .join('');

const ID = `sha256:${'a'.repeat(64)}`;
const DOCKER_CONFIG = JSON.stringify({ architecture: 'amd64', os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: [ID] } });

const archive: Target = {
  name: 'image-archive',
  seeds: [
    buildOciArchive({
      name: 'docker.io/library/a:1',
      architecture: 'amd64',
      files: [{ name: 'a', mode: 0o644, bytes: Buffer.from('a') }],
      config: { Cmd: ['a'] },
    }),
    seal(
      joined(
        tarFile('manifest.json', JSON.stringify([{ Config: 'c.json', RepoTags: ['a:1'], Layers: ['l/layer.tar'] }])),
        tarFile('c.json', DOCKER_CONFIG),
        tarFile('PaxHeader', pax({ path: 'l/layer.tar', linkpath: './x', size: '5' }), 'x'),
        tarFile('short', 'layer'),
        tarFile('././@LongLink', 'a/very/long/name\0', 'L'),
        tarFile('x', '', '2'),
        Buffer.alloc(1024),
      ),
    ),
    seal(joined(tarFile('index.json', '{"manifests":[{"digest":"sha256:0","platform":null,"annotations":null}]}'), Buffer.alloc(1024))),
  ],
  words: [
    'ustar',
    'index.json',
    'manifest.json',
    'blobs/sha256/',
    '././@LongLink',
    'null',
    '"manifests":',
    '"layers":',
    '"platform":',
    '"RepoTags":',
    '5 a=\n',
  ],
  maxBytes: 16 * 1024,
  shape: tarShape,
  refuses: (thrown) => thrown instanceof ArchiveError,
  async run(input) {
    const file = {
      read: (buffer: Uint8Array, offset: number, length: number, position: number) => {
        const piece = input.subarray(position, position + length);
        buffer.set(piece, offset);
        return Promise.resolve({ bytesRead: piece.byteLength, buffer });
      },
    } as unknown as FileHandle;
    const { images, blobs } = await readImageArchive({ file, sizeBytes: input.byteLength, baseName: 'archive', architecture: 'amd64' });
    for (const { names, layers, diffIds, target } of images) {
      assert.ok(names.length > 0 && layers.length === diffIds.length && blobs.has(target.digest));
      for (const layer of layers) assert.ok(blobs.has(layer.digest), layer.digest);
    }
  },
};

const digestOf = (letter: string): string => `sha256:${letter.repeat(64)}`;
const blobOf = (letter: string): string => `blobs/sha256/${letter.repeat(64)}`;
const sizeOf = (value: Json): number => JSON.stringify(value).length;
const CONFIG = JSON.parse(DOCKER_CONFIG) as Json;
const MANIFEST = { config: { digest: digestOf('c'), size: sizeOf(CONFIG) }, layers: [{ digest: digestOf('d'), size: 1 }] };
const PLATFORM = { os: 'linux', architecture: 'amd64' };

/** The JSON of such an archive, with everything else in order. */
const archiveJson: Target = {
  name: 'image-json',
  seeds: [
    JSON.stringify({ 'manifest.json': [{ Config: 'c', RepoTags: ['a:1', 'b/c:2'], Layers: ['l'] }], c: CONFIG, l: 'layer' }),
    JSON.stringify({
      'index.json': { manifests: [{ digest: digestOf('a'), platform: PLATFORM, annotations: { 'org.opencontainers.image.ref.name': '1' } }] },
      [blobOf('a')]: { manifests: [{ digest: digestOf('b'), size: sizeOf(MANIFEST) }], mediaType: 'm' },
      [blobOf('b')]: MANIFEST,
      [blobOf('c')]: CONFIG,
      [blobOf('d')]: 1,
    }),
  ],
  shape: jsonShape,
  refuses: archive.refuses,
  async run(input) {
    let files: unknown;
    try {
      files = JSON.parse(Buffer.from(input).toString());
    } catch {
      return;
    }
    if (typeof files !== 'object' || files === null) return;
    const entries = Object.entries(files).filter(([name]) => name !== '' && name.length < 100);
    await archive.run(seal(joined(...entries.map(([name, content]) => tarFile(name, JSON.stringify(content))), Buffer.alloc(1024))));
  },
};

const PEM = `-----BEGIN CERTIFICATE REQUEST-----
MIIBLzCB1gIBADAvMRUwEwYDVQQKDAxzeXN0ZW06bm9kZXMxFjAUBgNVBAMMDXN5
c3RlbTpub2RlOm4wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAScLaqWUomn3ihs
qhWsn3IXD14Ny7DCn91gkFTZM2lS/CEui5pZAxYwWrH6G16ErdyDwLs5ulNQJMsq
BOAktujvoEUwQwYJKoZIhvcNAQkOMTYwNDAlBgNVHREEHjAcggFuhwR/AAABgQVh
QGIuY4YKc3BpZmZlOi8veDALBgNVHQ8EBAMCB4AwCgYIKoZIzj0EAwIDSAAwRQIg
ZzG1eyXeSAD4d+Kayi3kN8zl6dxu7GQTi0DbItHIAJECIQDckoHTgQ+I+CMmvaSC
RIJKdSO9bKzyHssr8IinIhIywA==
-----END CERTIFICATE REQUEST-----
`;
const base64Of = (pem: string): string => pem.replace(/-----[A-Z ]+-----|\n/g, '');

const csr: Target = {
  name: 'csr',
  seeds: [
    PEM,
    Buffer.from(base64Of(PEM), 'base64'),
    // Ed25519, and no extensions.
    Buffer.from(
      'MIGLMD8CAQAwDDEKMAgGA1UEAwwBeDAqMAUGAytlcAMhAGDrlPpA5QtaFiEwViRADJmZRLx764f25kb7EuG3yT/PoAAwBQYDK2VwA0EAI/V70dcBbqKJiS7CWAwyYgBFZoneH7Zj/DCp1ENDpElFbZkr4HA6h7PUWeHyRafG+xluHpQ25+9CP0Fi94E9BQ==',
      'base64',
    ),
  ],
  words: ['-----BEGIN CERTIFICATE REQUEST-----', '-----END CERTIFICATE REQUEST-----', '\x30\x80', '\x30\x84\xff\xff\xff\xff', '\x06\x03\x55\x1d\x11'],
  shape: derShape,
  perByteUs: 50,
  // It rejects what is none; only the stack may not end, and nothing of ours may break.
  refuses: (thrown) =>
    thrown instanceof Error && !(thrown instanceof RangeError && /call stack/.test(thrown.message)) && !(thrown instanceof assert.AssertionError),
  async run(input) {
    const text = Buffer.from(input).toString('latin1');
    const pem = text.startsWith('--')
      ? text
      : `-----BEGIN CERTIFICATE REQUEST-----\n${Buffer.from(input).toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
    const names = await parseRequest(pem);
    for (const value of [names.commonName, ...names.organizations, ...names.dnsNames, ...names.ipAddresses]) assert.equal(typeof value, 'string');
  },
};

const CLAIMS: JsonObject = {
  iss: 'https://kubernetes.default.svc.cluster.local',
  sub: 'system:serviceaccount:ns:sa',
  aud: ['api'],
  exp: 2e9,
  nbf: 0,
  email: 'a@b.c',
  email_verified: true,
  groups: ['g'],
  jti: 'id',
  'kubernetes.io': { namespace: 'ns', serviceaccount: { name: 'sa', uid: 'u' }, pod: { name: 'p', uid: 'v' }, node: { name: 'n' } },
};
const keys = hmacKeys(Buffer.from('a secret of tests'), new SeededRandom(1));
const TOKEN = signJwt(CLAIMS, keys);
const OIDC = {
  issuer: 'https://kubernetes.default.svc.cluster.local',
  audiences: ['api'],
  uidClaim: '',
  usernameClaim: 'email',
  usernamePrefix: '',
  groupsClaim: 'groups',
  groupsPrefix: 'oidc:',
  requiredClaims: { jti: 'id' },
  algorithms: ['RS256'],
};

const jwt: Target = {
  name: 'jwt',
  seeds: [TOKEN, 'a.b.c', 'e30.e30.', '..'],
  words: ['.', 'e30', 'bnVsbA', 'W10', '='],
  refuses: never,
  run(input) {
    const token = Buffer.from(input).toString('utf8');
    peekJwt(token);
    const claims = verifyJwt(token, keys);
    // Only what was signed here holds.
    if (claims !== undefined) assert.equal(token, TOKEN);
  },
};

const claims: Target = {
  name: 'claims',
  seeds: [JSON.stringify(CLAIMS)],
  shape: jsonShape,
  refuses: never,
  run(input) {
    let given: unknown;
    try {
      given = JSON.parse(Buffer.from(input).toString());
    } catch {
      return;
    }
    if (typeof given !== 'object' || given === null || Array.isArray(given)) return;
    const subject = subjectOf(given as JsonObject);
    for (const user of [subject === undefined ? '' : userOf(subject, 'id'), oidcUser(OIDC, given as JsonObject, 0)]) {
      if (typeof user === 'string') continue;
      assert.ok(typeof user.name === 'string' && user.name !== '' && user.groups.every((group) => typeof group === 'string'));
    }
  },
};

const OBJECT = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'ns', uid: 'u', labels: { a: 'é' }, resourceVersion: '5' },
  spec: { nodeName: 'n', containers: [] },
  status: { phase: 'Running' },
} as KubeObject;
const project = createProjector(registry);

const record: Target = {
  name: 'record',
  seeds: [encodeRecord('v1', OBJECT, '[{"manager":"m"}]').value, encodeRecord('v1', { metadata: { name: 'p' } } as KubeObject, '').value],
  words: ['}}', ',"managedFields":', '"labels":', 'null', '"spec":null', '"metadata":'],
  // What is no record is said to be none; the store says where it lies.
  refuses: (thrown) => thrown instanceof SyntaxError || (thrown instanceof RangeError && !/call stack/.test(thrown.message)),
  run(input) {
    const { name, namespace, uid } = project('/registry/pods/ns/p', input);
    for (const value of [name, namespace, uid]) assert.equal(typeof value, 'string');
    parseManaged(input, readSegments(input));
    recordApiVersion(input);
  },
};

const publicKeyDer = Buffer.from('MCowBQYDK2VwAyEAYOuU+kDlC1oWITBWJEAMmZlEvHvh9vbmRvsS4bfJP88=', 'base64');

/** What validation reads of requests, certificates and keys; nothing is refused by throwing. */
const x509: Target = {
  name: 'x509',
  seeds: [PEM, ...csr.seeds.slice(1), publicKeyDer, '-----BEGIN A-----\nB: c\n\nQUFB\r\n-----END A-----\n-----BEGIN A-----'],
  words: ['-----BEGIN CERTIFICATE-----\n', '\n-----END CERTIFICATE-----', ': ', '\x30\x80', '\x30\x84\xff\xff\xff\xff', '\xa0\x00', '\x03\x01\x00'],
  shape: derShape,
  perByteUs: 50,
  refuses: never,
  run(input) {
    const blocks = pemBlocks(Buffer.from(input).toString('latin1'));
    for (const der of [input, ...blocks.map(({ bytes }) => bytes)]) {
      for (const fault of [requestFault(der, verifySignature), certificatesFault(der)]) assert.ok(fault === undefined || fault !== '');
      const key = readPublicKey(der);
      if (key?.type === 'RSA') assert.ok(key.bits > 0 && key.bits <= der.length * 8);
    }
  },
};

export const WIRES: readonly Target[] = [spdy, spdySession, websocket, archive, archiveJson, csr, x509, jwt, claims, record];
