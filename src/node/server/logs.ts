import { access } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../base/clock.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Ends } from './ends.ts';
import { parseLogOptions } from './log-options.ts';
import { readLog } from './log-reader.ts';
import type { ContainerInstance, PodLookup } from './pod-lookup.ts';
import { Refusal } from './refusal.ts';

export interface LogRequest {
  readonly url: URL;
  /** Of the path behind `/containerLogs/`: namespace, pod, container. */
  readonly names: readonly string[];
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly ends: Ends;
}

export async function serveLogs(
  { url, names, request, response, ends }: LogRequest,
  { pods, runtime, clock }: { readonly pods: PodLookup; readonly runtime: Runtime; readonly clock: Clock },
): Promise<void> {
  const options = parseLogOptions(url.searchParams, clock.now());
  if (typeof options === 'string') throw new Refusal(400, options);
  const { id, logPath, running } = findInstance(pods, names, options.previous);
  const leaving = new AbortController();
  response.once('close', () => leaving.abort(new Error('the reader left')));
  request.resume();
  const source = {
    path: logPath,
    options,
    signal: leaving.signal,
    isRunning: async () => running && (await runtime.container(id))?.state === 'running',
    onEnded: (listener: () => void) => ends.on(id, listener),
  };
  await access(logPath).catch((thrown: unknown) => {
    throw new Refusal(500, `the log of container ${JSON.stringify(names[2])} cannot be opened`, thrown);
  });
  response.writeHead(200, { 'Content-Type': 'text/plain' });
  // Who follows learns at once that it was found, also when nothing is in it.
  response.flushHeaders();
  for await (const text of readLog(source)) {
    if (!response.write(text)) await drained(response, leaving.signal);
  }
  response.end();
}

function findInstance(pods: PodLookup, names: readonly string[], previous: boolean): ContainerInstance {
  const [namespace, podName, name] = names;
  if (namespace === undefined || podName === undefined || name === undefined || names.length > 3) throw new Refusal(404, '404 page not found');
  const pod = pods.pod(namespace, podName);
  if (pod === undefined) throw new Refusal(404, `pod ${JSON.stringify(podName)} not found in namespace ${JSON.stringify(namespace)}`);
  const container = pod.containers.find((each) => each.name === name);
  if (container === undefined) throw new Refusal(404, `container ${JSON.stringify(name)} not found in pod ${JSON.stringify(podName)}`);
  const instance = previous ? container.previous : container.current;
  if (instance !== undefined) return instance;
  const about = `container ${JSON.stringify(name)} in pod ${JSON.stringify(podName)}`;
  if (previous) throw new Refusal(400, `previous terminated ${about} not found`);
  throw new Refusal(400, `${about} is waiting to start: ${container.waitingReason === '' ? 'no logs available yet' : container.waitingReason}`);
}

/** Until the client has taken what was written, or is gone. */
function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      response.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    response.on('drain', done);
    signal.addEventListener('abort', done, { once: true });
  });
}
