import { pods } from '../../api/gen/resources.ts';
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { FieldPath, type FieldError, notSupported } from '../../machinery/field-error.ts';
import type { Draft } from '../../machinery/object.ts';
import { invalidObject } from '../../machinery/status-error.ts';
import type { AdmissionPlugin } from '../stages.ts';
import { draftOf, isAbout, oldOf } from './request.ts';

const ALWAYS = 'Always';
const LISTS = ['initContainers', 'containers', 'ephemeralContainers'] as const;

/** AlwaysPullImages (not on by default): whoever uses an image has to be able to pull it; that it lies on the node is not enough. */
export const alwaysPullImages: AdmissionPlugin = {
  name: 'AlwaysPullImages',
  handles: (request) => {
    if (!isAbout(request, pods, 'CREATE', 'UPDATE')) return false;
    const old = oldOf(request, pods);
    if (old === undefined) return true;
    // What is there already keeps its policy.
    const before = new Set(imagesOf(old as Draft<Pod>));
    return imagesOf(draftOf(request, pods)).some((image) => !before.has(image));
  },
  admit(request) {
    const { spec } = draftOf(request, pods);
    for (const list of LISTS) for (const container of spec?.[list] ?? []) container.imagePullPolicy = ALWAYS;
    for (const { image } of spec?.volumes ?? []) if (image !== undefined) image.pullPolicy = ALWAYS;
  },
  validate(request) {
    const { spec } = draftOf(request, pods);
    const errors: FieldError[] = LISTS.flatMap((list) =>
      (spec?.[list] ?? []).flatMap(({ imagePullPolicy }, at) =>
        imagePullPolicy === ALWAYS ? [] : [notSupported(new FieldPath('spec').child(list).index(at).child('imagePullPolicy'), imagePullPolicy ?? '', [ALWAYS])],
      ),
    );
    if (errors.length > 0) throw invalidObject({ group: '', kind: 'Pod' }, request.name, errors);
  },
};

function imagesOf({ spec }: Draft<Pod>): readonly string[] {
  return LISTS.flatMap((list) => (spec?.[list] ?? []).map(({ image }) => image ?? ''));
}
