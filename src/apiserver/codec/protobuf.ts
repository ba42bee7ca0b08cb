import { badRequest } from '../../machinery/status-error.ts';
import { decodeProtobufObject, ProtobufError } from '../../schema/protobuf-decode.ts';
import type { Facts } from '../../schema/facts.ts';
import type { Registry } from '../registry/registry.ts';
import type { ProtobufReader } from './body.ts';
import type { Json } from '../../machinery/object.ts';

/** Options of requests: every group version has them, none of them is a resource. */
const OPTIONS: ReadonlySet<string> = new Set(['DeleteOptions', 'CreateOptions', 'UpdateOptions', 'PatchOptions', 'ListOptions']);

/** Bodies in Kubernetes' protobuf, of every kind that is served and of the kinds of their subresources. */
export function protobufReader(facts: Facts, registry: Registry): ProtobufReader {
  const typeNameOf = (apiVersion: string, kind: string): string | undefined => {
    if (OPTIONS.has(kind)) return `machinery.meta.v1.${kind}`;
    const served = registry.findKind(apiVersion, kind);
    if (served !== undefined) return served.kind.typeName;
    const [group = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/') : ['core', apiVersion];
    const name = `${group.split('.')[0]}.${version}.${kind}`;
    return facts.type(name) === undefined ? undefined : name;
  };
  return (bytes) => {
    try {
      return decodeProtobufObject(facts, bytes, typeNameOf) as Json;
    } catch (thrown) {
      if (!(thrown instanceof ProtobufError)) throw thrown;
      throw badRequest(`the object provided is unrecognized (must be of type Object): couldn't get version/kind; protobuf: ${thrown.message}`);
    }
  };
}
