import type * as core from '../gen/types/core.v1.ts';
import { setOwn } from '../../machinery/record.ts';
import type { Draft } from '../../machinery/object.ts';
import type { KindRules } from '../kind-rules.ts';
import { encodeBase64 } from '../../machinery/base64.ts';
import { secretColumns } from './columns.ts';
import { validateSecret, validateSecretUpdate } from './data.validation.ts';

/** stringData is for writing only: it goes into data and wins over it. */
function takeStringData(draft: Draft<core.Secret>): void {
  if (draft.stringData === undefined) return;
  const data: Record<string, string> = { ...draft.data };
  for (const [key, text] of Object.entries(draft.stringData)) setOwn(data, key, encodeBase64(new TextEncoder().encode(text)));
  if (Object.keys(data).length > 0) draft.data = data;
  delete draft.stringData;
}

export const secretRules: KindRules<core.Secret> = {
  strategy: {
    default: (draft) => {
      draft.type ||= 'Opaque';
      takeStringData(draft);
    },
    prepareForUpdate: (draft, old) => {
      // An update that names no type keeps the one that was there.
      if (draft.type === '' && old.type !== undefined) draft.type = old.type;
    },
    allowUnconditionalUpdate: true,
    validateCreate: validateSecret,
    validateUpdate: validateSecretUpdate,
  },
  columns: secretColumns,
  selectable: { names: ['type'], values: ({ type }) => ({ type: type ?? '' }) },
};
