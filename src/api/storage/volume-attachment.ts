import type * as storage from '../gen/types/storage.v1.ts';
import type { KindRules } from '../kind-rules.ts';
import { asObject, keep, keepMetadata } from '../strategy.ts';
import { volumeAttachmentColumns } from './columns.ts';
import { validateVolumeAttachment, validateVolumeAttachmentUpdate } from './volume-attachment.validation.ts';

export const volumeAttachmentRules: KindRules<storage.VolumeAttachment> = {
  strategy: {
    prepareForCreate: (draft) => {
      draft.status = { attached: false };
    },
    prepareForUpdate: (draft, old) => keep(asObject(draft), old, 'status'),
    status: {
      prepareForUpdate: (draft, old) => {
        keep(draft, old, 'spec');
        keepMetadata(draft, old);
      },
      validateUpdate: validateVolumeAttachmentUpdate,
      resetFields: [['spec'], ['metadata']],
    },
    allowUnconditionalUpdate: false,
    validateCreate: validateVolumeAttachment,
    validateUpdate: validateVolumeAttachmentUpdate,
  },
  columns: volumeAttachmentColumns,
};
