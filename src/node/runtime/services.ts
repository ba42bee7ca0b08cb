import type {
  ContentContentMethods,
  DiffDiffMethods,
  EventsEventsMethods,
  ImagesImagesMethods,
  LeasesLeasesMethods,
  SnapshotsSnapshotsMethods,
  TasksTasksMethods,
  VersionVersionMethods,
} from './gen/containerd.types.ts';
import type { ImageServiceMethods, RuntimeServiceMethods } from './gen/cri.types.ts';
import type { GrpcService } from './grpc.ts';

const cri = <M>(name: string): GrpcService<M> => ({ table: 'cri', name: `runtime.v1.${name}` });
const own = <M>(name: string, service: string): GrpcService<M> => ({ table: 'containerd', name: `containerd.services.${name}.v1.${service}` });

export const RUNTIME = cri<RuntimeServiceMethods>('RuntimeService');
export const IMAGE = cri<ImageServiceMethods>('ImageService');
export const EVENTS = own<EventsEventsMethods>('events', 'Events');
export const IMAGES = own<ImagesImagesMethods>('images', 'Images');
export const CONTENT = own<ContentContentMethods>('content', 'Content');
export const LEASES = own<LeasesLeasesMethods>('leases', 'Leases');
export const SNAPSHOTS = own<SnapshotsSnapshotsMethods>('snapshots', 'Snapshots');
export const DIFF = own<DiffDiffMethods>('diff', 'Diff');
export const TASKS = own<TasksTasksMethods>('tasks', 'Tasks');
export const VERSION = own<VersionVersionMethods>('version', 'Version');

/** The namespace of containerd in which its CRI plugin keeps everything. */
export const CRI_NAMESPACE = 'k8s.io';
