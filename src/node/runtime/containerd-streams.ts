import type { GrpcChannel } from './grpc.ts';
import { CriError, type AttachStream, type DuplexBytes, type RuntimeStreams, type StreamSession } from './runtime.ts';

export class ContainerdStreams implements RuntimeStreams {
  constructor(_channel: GrpcChannel) {}

  exec(_request: AttachStream & { readonly command: readonly string[] }): Promise<StreamSession> {
    return Promise.reject(new CriError('unsupported', 'exec'));
  }

  attach(_request: AttachStream): Promise<StreamSession> {
    return Promise.reject(new CriError('unsupported', 'attach'));
  }

  portForward(_sandboxId: string, _port: number): Promise<DuplexBytes> {
    return Promise.reject(new CriError('unsupported', 'port-forward'));
  }
}
