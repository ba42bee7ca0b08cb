import type { ApiHandler, ApiRequest, ApiResponse, UserInfo, WatchHandle, WatchSink } from '../machinery/exchange.ts';

/** A request without its user: who asks is settled by how the client is connected. */
export type TransportRequest = Omit<ApiRequest, 'user' | 'userAgent'>;

/** The way to an API server. Two of them, one contract suite (`test/contract/transport.ts`). */
export interface Transport {
  request(request: TransportRequest): Promise<ApiResponse>;
  watch(request: TransportRequest, sink: WatchSink): Promise<WatchHandle>;
}

/**
 * Straight into an API server of the same process: no sockets, and objects are handed over. They come without managedFields
 * unless a request says otherwise: no component looks at them, and an update that leaves them out keeps them.
 */
export function inProcessTransport(handler: ApiHandler, user: UserInfo, userAgent: string): Transport {
  return {
    request: (request) => handler.request({ omitManagedFields: true, ...request, user, userAgent }),
    watch: (request, sink) => handler.watch({ omitManagedFields: true, ...request, user, userAgent }, sink),
  };
}
