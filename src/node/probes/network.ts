/**
 * The ways in which a node reaches a container to ask how it is. `system-network.ts` is the real one; a simulation hands in one that
 * answers from a script. None of them rejects: a failure is an answer.
 */
export interface ProbeNetwork {
  http(request: ProbeHttpRequest): Promise<ProbeHttpAnswer>;
  /** Undefined when the connection was made (it is closed at once); else why not. */
  tcp(host: string, port: number, timeoutMs: number): Promise<string | undefined>;
  /** grpc.health.v1 Check. */
  grpc(host: string, port: number, service: string, timeoutMs: number): Promise<ProbeGrpcAnswer>;
}

export interface ProbeHttpRequest {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  /** With its query. */
  readonly path: string;
  /** In order; `Host` replaces the one from `host`. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly timeoutMs: number;
}

/** At most 10 KiB of the body. Certificates are not checked. Redirects to the same host are followed, others answer as they are. */
export type ProbeHttpAnswer = { readonly status: number; readonly body: string } | { readonly error: string };

export type ProbeGrpcAnswer = { readonly status: 'SERVING' | 'NOT_SERVING' | 'UNKNOWN' | 'SERVICE_UNKNOWN' } | { readonly error: string };
