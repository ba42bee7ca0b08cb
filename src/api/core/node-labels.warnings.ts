import type { FieldPath } from '../../machinery/field-error.ts';
import type { LabelSelector } from '../../machinery/labels.ts';
import { labelValueFaults } from '../../machinery/names.ts';
import { getOwn } from '../../machinery/record.ts';
import type * as core from '../gen/types/core.v1.ts';

/** Labels of nodes that have better names today, or none. */
const OLD_LABELS: Readonly<Record<string, string>> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region': 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone': 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type': 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
  'app.kubernetes.io/created-by': 'deprecated since v1.9',
  'scheduler.alpha.kubernetes.io/preferAvoidPods': 'deprecated since v1.22; use Taints and Tolerations instead',
  'node-role.kubernetes.io/master': 'use "node-role.kubernetes.io/control-plane" instead',
};

/** What is said of a label's key; undefined when nothing is. */
export const oldLabelMessage = (key: string): string | undefined => getOwn(OLD_LABELS, key);

/** Of a selector of nodes by their labels. */
export function labelSelectorWarnings(selector: LabelSelector | undefined, path: FieldPath): readonly string[] {
  const out: string[] = [];
  for (const [i, { key }] of (selector?.matchExpressions ?? []).entries()) {
    const message = oldLabelMessage(key);
    if (message !== undefined) out.push(`${path.child('matchExpressions').index(i).child('key')}: ${key} is ${message}`);
  }
  for (const key of Object.keys(selector?.matchLabels ?? {})) {
    const message = oldLabelMessage(key);
    if (message !== undefined) out.push(`${path.child('matchLabels').child(key)}: ${message}`);
  }
  return out;
}

/** `checkValues`: also values that no label can have. */
export function selectorTermWarnings({ matchExpressions }: core.NodeSelectorTerm, path: FieldPath, checkValues: boolean): readonly string[] {
  const out: string[] = [];
  for (const [i, { key, values = [] }] of (matchExpressions ?? []).entries()) {
    const at = path.child('matchExpressions').index(i);
    const message = oldLabelMessage(key);
    if (message !== undefined) out.push(`${at.child('key')}: ${key} is ${message}`);
    if (!checkValues) continue;
    for (const [j, value] of values.entries())
      for (const fault of labelValueFaults(value)) out.push(`${at.child('values').index(j)}: ${value} is invalid, ${fault}`);
  }
  return out;
}
