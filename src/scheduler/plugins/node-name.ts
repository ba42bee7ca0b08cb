import { type Plugin, refuseForGood } from '../plugin.ts';

const OTHER_NODE = refuseForGood("node(s) didn't match the requested node name");

/** A pod that names its node goes there or nowhere. */
export const nodeName: Plugin = {
  name: 'NodeName',
  events: ['node'],
  consider: ({ pod }) => {
    const wanted = pod.spec?.nodeName ?? '';
    return wanted === '' ? undefined : { filter: (node) => (node.name === wanted ? undefined : OTHER_NODE) };
  },
};
