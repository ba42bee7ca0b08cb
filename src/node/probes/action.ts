import type { Container as ContainerSpec, EphemeralContainer, HTTPGetAction, LifecycleHandler, Probe } from '../../api/gen/types/core.v1.ts';
import { CriError, type Runtime } from '../runtime/runtime.ts';
import type { ProbeOutcome } from './decide.ts';
import type { ProbeNetwork } from './network.ts';

export interface ActionTarget {
  readonly runtime: Runtime;
  readonly network: ProbeNetwork;
  readonly containerId: string;
  readonly podIp: string;
  readonly container: ContainerSpec | EphemeralContainer;
}

/** Tries a probe once. */
export async function tryProbe(probe: Probe, target: ActionTarget, timeoutMs: number): Promise<ProbeOutcome> {
  if (probe.exec !== undefined) return tryExec(probe.exec.command ?? [], target, timeoutMs);
  if (probe.httpGet !== undefined) return tryHttp(probe.httpGet, target, timeoutMs, 'kube-probe/1.36');
  if (probe.tcpSocket !== undefined) {
    const port = portOf(probe.tcpSocket.port, target.container);
    if (port === undefined) return { result: 'unknown', message: `couldn't find port: ${String(probe.tcpSocket.port)}` };
    const fault = await target.network.tcp(probe.tcpSocket.host ?? target.podIp, port, timeoutMs);
    return fault === undefined ? { result: 'success' } : { result: 'failure', message: fault };
  }
  if (probe.grpc !== undefined) {
    const answer = await target.network.grpc(target.podIp, probe.grpc.port, probe.grpc.service ?? '', timeoutMs);
    if ('error' in answer) return { result: 'failure', message: answer.error };
    return answer.status === 'SERVING'
      ? { result: 'success' }
      : { result: 'failure', message: `service unhealthy (responded with ${JSON.stringify(answer.status)})` };
  }
  return { result: 'unknown', message: 'missing probe handler' };
}

async function tryExec(command: readonly string[], { runtime, containerId }: ActionTarget, timeoutMs: number): Promise<ProbeOutcome> {
  try {
    const { exitCode, stdout, stderr } = await runtime.execSync(containerId, command, timeoutMs);
    return exitCode === 0 ? { result: 'success' } : { result: 'failure', message: `${stdout}${stderr}` };
  } catch (thrown) {
    if (!(thrown instanceof CriError)) throw thrown;
    if (thrown.code === 'deadline')
      return { result: 'failure', message: `command timed out: ${JSON.stringify(command.join(' '))} timed out after ${timeoutMs / 1_000}s` };
    return { result: 'unknown', message: thrown.message };
  }
}

async function tryHttp(action: HTTPGetAction, target: ActionTarget, timeoutMs: number, userAgent: string): Promise<ProbeOutcome> {
  const port = portOf(action.port, target.container);
  if (port === undefined) return { result: 'unknown', message: `couldn't find port: ${String(action.port)}` };
  const own = (action.httpHeaders ?? []).map(({ name, value }) => [name, value] as const);
  const has = (name: string): boolean => own.some(([n]) => n.toLowerCase() === name);
  const headers = [...own, ...(has('user-agent') ? [] : [['User-Agent', userAgent] as const]), ...(has('accept') ? [] : [['Accept', '*/*'] as const])];
  const path = action.path === undefined || action.path === '' ? '/' : action.path.startsWith('/') ? action.path : `/${action.path}`;
  const scheme = action.scheme === 'HTTPS' ? 'https' : 'http';
  const host = action.host === undefined || action.host === '' ? target.podIp : action.host;
  const answer = await target.network.http({ scheme, host, port, path, headers, timeoutMs });
  const url = `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}${path}`;
  if ('error' in answer) return { result: 'failure', message: `Get ${JSON.stringify(url)}: ${answer.error}` };
  if (answer.status >= 200 && answer.status < 300) return { result: 'success' };
  return answer.status < 400 ? { result: 'warning' } : { result: 'failure', message: `HTTP probe failed with statuscode: ${answer.status}` };
}

/** Runs a postStart or preStop hook. Undefined: it succeeded; else why not. */
export async function runHook(
  hook: LifecycleHandler,
  target: ActionTarget,
  timeoutMs: number,
  sleep: (ms: number) => Promise<void>,
): Promise<string | undefined> {
  if (hook.exec !== undefined) {
    const outcome = await tryExec(hook.exec.command ?? [], target, timeoutMs);
    return 'message' in outcome ? outcome.message : undefined;
  }
  if (hook.httpGet !== undefined) {
    const outcome = await tryHttp(hook.httpGet, target, timeoutMs, 'kube-lifecycle/1.36');
    return 'message' in outcome ? outcome.message : undefined;
  }
  if (hook.sleep !== undefined) {
    await sleep(Math.min(hook.sleep.seconds * 1_000, timeoutMs));
    return undefined;
  }
  return 'invalid handler';
}

/** A port by number or by the name that the container gives it. */
function portOf(port: number | string, { ports = [] }: ContainerSpec | EphemeralContainer): number | undefined {
  if (typeof port === 'number') return port;
  const named = ports.find((p) => p.name === port)?.containerPort;
  return named ?? (/^\d+$/.test(port) ? Number(port) : undefined);
}
