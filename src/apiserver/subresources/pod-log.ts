import type { IncomingMessage } from 'node:http';
import { type FieldError, FieldPath, forbidden, invalid } from '../../machinery/field-error.ts';
import { badRequest, internalError, invalidObject, StatusError } from '../../machinery/status-error.ts';
import { parseTime } from '../../machinery/time.ts';
import type { Dial } from '../dial.ts';
import { writeHead } from '../http/respond.ts';
import type { RawExchange, StreamSubresource, SubresourceCall } from '../stages.ts';
import { backendDown, send } from './backend.ts';
import { copy, untilGone } from './forward.ts';
import { sendBinary } from './log-socket.ts';
import { containerOf, flag, nodeOfPod, parameter, podOf } from './pod-container.ts';

const PASSED_ON: readonly string[] = ['sinceSeconds', 'sinceTime', 'tailLines', 'limitBytes', 'stream'];
const LONGEST_ERROR_BYTES = 2048;

/** GET …/pods/NAME/log: the node streams the file, we pass it on as it comes. */
export function podLog(dial: Dial): StreamSubresource {
  return {
    group: '',
    resource: 'pods',
    subresource: 'log',
    async handle(call, exchange) {
      validateOptions(call);
      const pod = podOf(call);
      const container = containerOf(pod, parameter(call, 'container'));
      const node = nodeOfPod(call.reader, pod);
      // A pod without a node has written nothing yet.
      if (node === undefined) return empty(exchange);
      const endpoint = await dial({ to: 'node', node });
      const path = `/containerLogs/${encodeURIComponent(call.namespace)}/${encodeURIComponent(call.name)}/${encodeURIComponent(container)}${queryOf(call)}`;
      using client = untilGone(exchange);
      let answer: IncomingMessage;
      try {
        answer = await send(endpoint, { method: 'GET', path, headers: {}, signal: client.gone });
      } catch (thrown) {
        if (client.gone.aborted) return;
        throw backendDown(thrown, endpoint);
      }
      if (answer.statusCode !== 200) throw await nodeRefusal(answer, call);
      if (exchange.upgrade) return sendBinary(exchange, answer);
      writeHead(exchange.response, 200, ['Content-Type', 'text/plain', 'Cache-Control', 'no-cache, private']);
      // A reader that follows wants to know at once that it is served; HTTP/2 has sent its head already.
      if ('flushHeaders' in exchange.response) exchange.response.flushHeaders();
      await copy(answer, exchange.response);
    },
  };
}

function empty(exchange: RawExchange): void {
  if (exchange.upgrade) {
    exchange.socket.destroy();
    return;
  }
  writeHead(exchange.response, 204, ['Cache-Control', 'no-cache, private']);
  exchange.response.end();
}

function queryOf(call: SubresourceCall): string {
  const query = new URLSearchParams();
  for (const name of ['follow', 'previous', 'timestamps']) if (flag(call, name)) query.set(name, 'true');
  for (const name of PASSED_ON) {
    const value = parameter(call, name);
    if (value !== '') query.set(name, value);
  }
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

/** Go prints a path whose one step is an empty name as `[]`. */
const NAMELESS = new FieldPath('', new FieldPath(), true);

/** The rules of core/v1 PodLogOptions. */
export function validateOptions(call: Pick<SubresourceCall, 'name' | 'query'>): void {
  const errors: FieldError[] = [];
  const at = (name: string): FieldPath => new FieldPath(name);
  const integer = (name: string): number | undefined => {
    const text = parameter(call, name);
    if (text === '') return undefined;
    if (!/^[+-]?\d{1,18}$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
    return Number(text);
  };
  const tailLines = integer('tailLines');
  if (tailLines !== undefined && tailLines < 0) errors.push(invalid(at('tailLines'), tailLines, 'must be greater than or equal to 0'));
  const limitBytes = integer('limitBytes');
  if (limitBytes !== undefined && limitBytes < 1) errors.push(invalid(at('limitBytes'), limitBytes, 'must be greater than 0'));
  const sinceSeconds = integer('sinceSeconds');
  const sinceTime = parameter(call, 'sinceTime');
  if (sinceSeconds !== undefined && sinceTime !== '') errors.push(forbidden(NAMELESS, 'at most one of `sinceTime` or `sinceSeconds` may be specified'));
  else if (sinceSeconds !== undefined && sinceSeconds < 1) errors.push(invalid(at('sinceSeconds'), sinceSeconds, 'must be greater than 0'));
  if (sinceTime !== '' && parseTime(sinceTime) === undefined)
    throw badRequest(`parsing time ${JSON.stringify(sinceTime)} as "2006-01-02T15:04:05Z07:00": cannot parse`);
  if (errors.length > 0) throw invalidObject({ group: '', kind: 'PodLogOptions' }, call.name, errors);
}

/** The node's own words, as a Status. */
async function nodeRefusal(answer: IncomingMessage, { name }: SubresourceCall): Promise<StatusError> {
  let text = '';
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    text += chunk.toString('utf8');
    if (text.length > LONGEST_ERROR_BYTES) break;
  }
  text = text.trim();
  if (answer.statusCode === 400) return badRequest(text);
  if (answer.statusCode === 404) {
    return new StatusError('NotFound', `the server could not find the requested resource (get pods ${name})`, {
      details: { name, kind: 'pods', causes: [{ reason: 'UnexpectedServerResponse', message: text }] },
    });
  }
  return internalError(text);
}
