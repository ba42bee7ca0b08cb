import { type Host, HostError } from '../../host/host.ts';
import type { Json } from '../../machinery/object.ts';

/** `vol_data.json` beside a mounted CSI volume: all that taking it down needs. Field names as every kubelet writes them. */
export interface CsiData {
  readonly driverName: string;
  readonly volumeHandle: string;
  /** The persistent volume's name, or the pod's volume's. */
  readonly specVolID: string;
  readonly volumeLifecycleMode: 'Persistent' | 'Ephemeral';
  readonly nodeName: string;
  /** The fsGroup that its files were given to. Ours, beside the usual fields. */
  readonly ownedByGroup?: number | undefined;
  /** Of a pod's directory: the volume has not come further than its staging. */
  readonly unpublished?: boolean | undefined;
  /** Of a staging directory: during which boot of the machine staging succeeded. */
  readonly stagedAtBoot?: string | undefined;
}

const FILE = 'vol_data.json';

export async function writeCsiData(host: Host, directory: string, data: CsiData): Promise<void> {
  await host.files.writeFileAtomic(`${directory}/${FILE}`, JSON.stringify(data), { mode: 0o600, durable: true });
}

/** Undefined when there is none, or when it can't be read as one. */
export async function readCsiData(host: Host, directory: string): Promise<CsiData | undefined> {
  let text: string;
  try {
    text = await host.files.readText(`${directory}/${FILE}`, { maxBytes: 65_536 });
  } catch (thrown) {
    if (thrown instanceof HostError && thrown.code === 'missing') return undefined;
    throw thrown;
  }
  return parse(text);
}

export async function removeCsiData(host: Host, directory: string): Promise<void> {
  await host.files.removeFile(`${directory}/${FILE}`);
}

function parse(text: string): CsiData | undefined {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const field = (name: string): string => {
    const found = (value as { readonly [key: string]: Json })[name];
    return typeof found === 'string' ? found : '';
  };
  const data = { driverName: field('driverName'), volumeHandle: field('volumeHandle'), specVolID: field('specVolID'), nodeName: field('nodeName') };
  if (data.driverName === '' || data.volumeHandle === '') return undefined;
  const { ownedByGroup, unpublished, stagedAtBoot } = value as { readonly [key: string]: Json };
  return {
    ...data,
    volumeLifecycleMode: field('volumeLifecycleMode') === 'Ephemeral' ? 'Ephemeral' : 'Persistent',
    ...(typeof ownedByGroup === 'number' ? { ownedByGroup } : {}),
    ...(unpublished === true ? { unpublished } : {}),
    ...(typeof stagedAtBoot === 'string' ? { stagedAtBoot } : {}),
  };
}
