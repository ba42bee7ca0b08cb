import { badRequest, type StatusError } from '../../machinery/status-error.ts';

/** Why a body could not be read, in the words of Go's parsers. */
export interface BodyFault {
  readonly format: 'json' | 'yaml';
  readonly why: string;
  readonly bytes: Uint8Array;
}

/** What a client is told of such a body. It depends on what the body was to be. */
export type BodyRefusal = (fault: BodyFault) => StatusError;

export const NO_BODY: BodyFault = { format: 'json', why: 'unexpected end of JSON input', bytes: new Uint8Array(0) };

/** Of an object (apiserver `transformDecodeError`): with the beginning of what was sent. */
export function objectRefusal(kind: string): BodyRefusal {
  return ({ format, why, bytes }) => {
    const fault = format === 'json' ? `couldn't get version/kind; json parse error: ${why}` : why;
    return badRequest(`the object provided is unrecognized (must be of type ${kind}): ${fault} (${summary(bytes)})`);
  };
}

/** Of a JSON or a merge patch. */
export const patchRefusal: BodyRefusal = ({ why }) => badRequest(`error decoding patch: ${why}`);
export const strategicPatchRefusal: BodyRefusal = ({ why }) => badRequest(why);
export const applyRefusal: BodyRefusal = ({ format, why }) =>
  badRequest(`error decoding YAML: ${format === 'yaml' ? `error converting YAML to JSON: ${why}` : why}`);

const SUMMARY_BYTES = 30;

/** JSON as it is, all else in hexadecimal. */
function summary(bytes: Uint8Array): string {
  if (bytes.length === 0) return '<empty>';
  const first = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, SUMMARY_BYTES));
  return `${first.toString(first[0] === 0x7b ? 'utf8' : 'hex')}${bytes.length > SUMMARY_BYTES ? ' ...' : ''}`;
}
