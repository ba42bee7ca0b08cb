import type { World, Plugin } from '../plugin.ts';
import { MAX_SCORE } from '../plugin.ts';

const MEGABYTE = 1024 * 1024;
/** Images smaller than this in all make no difference, larger ones than the bound no further one, for each container. */
const LEAST_BYTES = 23 * MEGABYTE;
const MOST_BYTES = 1000 * MEGABYTE;

/** Likes nodes that have the pod's images, less so the images that are on few nodes only (all pods would go there). */
export const imageLocality: Plugin = {
  name: 'ImageLocality',
  events: [],
  weight: 1,
  consider: ({ pod }, world) => {
    const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
    const images = containers.map(({ image = '' }) => normalised(image)).filter((image) => image !== '');
    if (images.length === 0) return undefined;
    const share = new Map(images.map((image) => [image, shareOfNodes(world, image)]));
    return {
      score: ({ node }) => {
        const bytes = images.reduce((sum, image) => sum + sizeOn(node.status?.images ?? [], image) * (share.get(image) ?? 0), 0);
        const most = MOST_BYTES * containers.length;
        return Math.floor((MAX_SCORE * (Math.min(Math.max(bytes, LEAST_BYTES), most) - LEAST_BYTES)) / (most - LEAST_BYTES));
      },
    };
  },
};

interface Image {
  readonly names?: readonly string[] | undefined;
  readonly sizeBytes?: number | undefined;
}

function sizeOn(images: readonly Image[], wanted: string): number {
  return images.find(({ names }) => names?.includes(wanted) === true)?.sizeBytes ?? 0;
}

function shareOfNodes({ nodes }: World, image: string): number {
  return nodes.length === 0 ? 0 : nodes.filter(({ node }) => sizeOn(node.status?.images ?? [], image) > 0).length / nodes.length;
}

/** A name without tag or digest means `latest`. */
function normalised(image: string): string {
  return image === '' || image.lastIndexOf(':') > image.lastIndexOf('/') ? image : `${image}:latest`;
}
