import type { KindRules } from '../kind-rules.ts';
import { generationOf, specAndStatus } from '../strategy.ts';
import type { KubeObject } from '../../machinery/object.ts';
import { nameAndAge, resourceClaimColumns, resourceSliceColumns } from './columns.ts';

/** Kinds of dynamic resource allocation. Their fields are handled by structure; the rules here hold in every version. */
export const resourceClaimRules: KindRules<KubeObject & { readonly spec?: unknown; readonly status?: { readonly allocation?: unknown; readonly reservedFor?: readonly unknown[] | undefined } | undefined }> = {
  strategy: { ...specAndStatus({ generation: false }), allowUnconditionalUpdate: true },
  columns: resourceClaimColumns,
};

export const resourceClaimTemplateRules: KindRules = { strategy: { allowUnconditionalUpdate: true }, columns: nameAndAge };

export const deviceClassRules: KindRules = { strategy: { ...generationOf('spec'), allowUnconditionalUpdate: true }, columns: nameAndAge };

export const deviceTaintRules: KindRules = { strategy: { ...specAndStatus(), allowUnconditionalUpdate: true }, columns: nameAndAge };

export const resourceSliceRules: KindRules<KubeObject & { readonly spec: { readonly nodeName?: string | undefined; readonly driver: string; readonly pool: { readonly name: string } } }> = {
  strategy: { ...generationOf('spec'), allowUnconditionalUpdate: true },
  columns: resourceSliceColumns,
  selectable: {
    names: ['spec.nodeName', 'spec.driver'],
    values: ({ spec }) => ({ 'spec.nodeName': spec?.nodeName ?? '', 'spec.driver': spec?.driver ?? '' }),
  },
};
