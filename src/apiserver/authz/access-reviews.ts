import type {
  FieldSelectorAttributes,
  LabelSelectorAttributes,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewSpec,
} from '../../api/gen/types/authorization.v1.ts';
import type { UserInfo } from '../../machinery/exchange.ts';
import { type FieldError, FieldPath, invalid, required } from '../../machinery/field-error.ts';
import { validateExpression, validateOperator } from '../../machinery/labels.ts';
import type { JsonObject, ObjectMeta } from '../../machinery/object.ts';
import { badRequest, invalidObject } from '../../machinery/status-error.ts';
import { formatTime } from '../../machinery/time.ts';
import type { AuthorizeAttributes, VirtualCall, VirtualResource } from '../stages.ts';
import { type Authorizer, pathAttributes, resourceAttributes } from './authorizer.ts';
import type { RbacIndex } from './rbac.ts';

const GROUP = 'authorization.k8s.io';
const SPEC = new FieldPath('spec');

/** May they? SubjectAccessReview, its local form, the one about oneself (`kubectl auth can-i`), and the list of one's rules. */
export function accessReviews(authorize: Authorizer, index: RbacIndex): readonly VirtualResource[] {
  const answer = (kind: string, call: VirtualCall, body: JsonObject, user: UserInfo, spec: SubjectAccessReviewSpec): JsonObject => {
    const { allowed, denied, reason, evaluationError } = authorize(attributesOf(user, spec));
    const status = {
      allowed,
      ...(denied === true ? { denied } : {}),
      ...(reason === '' ? {} : { reason }),
      ...(evaluationError === undefined || allowed ? {} : { evaluationError }),
    };
    const metadata = { ...(body['metadata'] as JsonObject | undefined), creationTimestamp: formatTime(call.nowMs) };
    return { ...body, kind, apiVersion: `${GROUP}/v1`, metadata, status };
  };
  const about = (kind: string, call: VirtualCall, body: JsonObject): JsonObject => {
    const { spec } = body as unknown as SubjectAccessReview;
    validate(kind, body as unknown as SubjectAccessReview, kind === 'LocalSubjectAccessReview' ? call.namespace : undefined);
    const user = { name: spec.user ?? '', uid: spec.uid, groups: spec.groups ?? [], extra: spec.extra };
    return answer(kind, call, body, user, spec);
  };
  return [
    { group: GROUP, resource: 'subjectaccessreviews', create: (call, body) => about('SubjectAccessReview', call, body) },
    { group: GROUP, resource: 'localsubjectaccessreviews', create: (call, body) => about('LocalSubjectAccessReview', call, body) },
    {
      group: GROUP,
      resource: 'selfsubjectaccessreviews',
      create(call, body) {
        const { spec } = body as unknown as SubjectAccessReview;
        validate('SelfSubjectAccessReview', body as unknown as SubjectAccessReview);
        return answer('SelfSubjectAccessReview', call, body, call.user, spec);
      },
    },
    { group: GROUP, resource: 'selfsubjectrulesreviews', create: (call, body) => rulesReview(index, call, body) },
  ];
}

function rulesReview(index: RbacIndex, { user, nowMs }: VirtualCall, body: JsonObject): JsonObject {
  const namespace = (body as unknown as SelfSubjectRulesReview).spec?.namespace ?? '';
  if (namespace === '') throw badRequest('no namespace on request');
  const { rules, errors } = index.rulesOf(user, namespace);
  const pick = (names: readonly string[], rule: object): JsonObject => Object.fromEntries(Object.entries(rule).filter(([name]) => names.includes(name)));
  const status = {
    resourceRules: rules.filter((rule) => (rule.resources ?? []).length > 0).map((rule) => pick(['verbs', 'apiGroups', 'resources', 'resourceNames'], rule)),
    nonResourceRules: rules.filter((rule) => (rule.nonResourceURLs ?? []).length > 0).map((rule) => pick(['verbs', 'nonResourceURLs'], rule)),
    incomplete: errors.length > 0,
    ...(errors.length === 0 ? {} : { evaluationError: errors.join(', ') }),
  };
  return { ...body, kind: 'SelfSubjectRulesReview', apiVersion: `${GROUP}/v1`, metadata: { creationTimestamp: formatTime(nowMs) }, status };
}

function attributesOf(user: UserInfo, { resourceAttributes: resource, nonResourceAttributes: path }: SubjectAccessReviewSpec): AuthorizeAttributes {
  if (resource === undefined) return pathAttributes({ user, verb: path?.verb ?? '', path: path?.path ?? '' });
  return resourceAttributes({
    user,
    verb: resource.verb ?? '',
    group: resource.group ?? '',
    version: resource.version ?? '',
    resource: resource.resource ?? '',
    subresource: resource.subresource ?? '',
    namespace: resource.namespace ?? '',
    name: resource.name ?? '',
    fieldSelector: selectorText(resource.fieldSelector),
    labelSelector: selectorText(resource.labelSelector),
  });
}

/** Only what narrows by one value is of use to an authorizer; the rest narrows nothing. */
function selectorText(selector: FieldSelectorAttributes | LabelSelectorAttributes | undefined): string | undefined {
  if (selector === undefined) return undefined;
  if (selector.rawSelector !== undefined && selector.rawSelector !== '') return selector.rawSelector;
  const single = (selector.requirements ?? []).filter(({ operator, values }) => operator === 'In' && values?.length === 1);
  return single.length === 0 ? undefined : single.map(({ key, values }) => `${key}=${values?.[0] ?? ''}`).join(',');
}

function validate(kind: string, { metadata, spec }: Pick<SubjectAccessReview, 'metadata' | 'spec'>, namespace?: string): void {
  const errors: FieldError[] = [];
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec;
  if (resource !== undefined && path !== undefined) {
    errors.push(invalid(SPEC.child('nonResourceAttributes'), path as unknown as JsonObject, 'cannot be specified in combination with resourceAttributes'));
  }
  if (resource === undefined && path === undefined) {
    errors.push(invalid(SPEC.child('resourceAttributes'), null, 'exactly one of nonResourceAttributes or resourceAttributes must be specified'));
  }
  errors.push(...fieldSelectorErrors(resource?.fieldSelector), ...labelSelectorErrors(resource?.labelSelector));
  if (kind !== 'SelfSubjectAccessReview' && (spec.user ?? '') === '' && (spec.groups ?? []).length === 0) {
    errors.push(invalid(SPEC.child('user'), '', 'at least one of user or group must be specified'));
  }
  errors.push(...metadataErrors(metadata, namespace !== undefined));
  if (namespace !== undefined && resource !== undefined && (resource.namespace ?? '') !== namespace) {
    errors.push(invalid(SPEC.child('resourceAttributes').child('namespace'), resource.namespace ?? '', 'must match metadata.namespace'));
  }
  if (namespace !== undefined && path !== undefined) {
    errors.push(invalid(SPEC.child('nonResourceAttributes'), path as unknown as JsonObject, 'disallowed on this kind of request'));
  }
  if (errors.length > 0) throw invalidObject({ group: GROUP, kind }, '', errors);
}

/** A review is a question, not an object. */
function metadataErrors(metadata: ObjectMeta | undefined, isLocal: boolean): readonly FieldError[] {
  const { managedFields: _, ...shown } = metadata ?? {};
  const given = Object.entries(shown).filter(([name, value]) => value !== undefined && value !== null && value !== '' && !(isLocal && name === 'namespace'));
  if (given.length === 0) return [];
  return [invalid(new FieldPath('metadata'), shown as unknown as JsonObject, isLocal ? 'must be empty except for namespace' : 'must be empty')];
}

const FIELD_SELECTOR = SPEC.child('resourceAttributes').child('fieldSelector');
const LABEL_SELECTOR = SPEC.child('resourceAttributes').child('labelSelector');

function fieldSelectorErrors(selector: FieldSelectorAttributes | undefined): readonly FieldError[] {
  const requirements = (selector?.requirements ?? []).flatMap((requirement, at) => {
    const path = FIELD_SELECTOR.child('requirements').index(at);
    const errors = validateOperator(requirement, path, true);
    return requirement.key === '' ? [required(path.child('key'), 'must be specified'), ...errors] : errors;
  });
  return [...formErrors(selector, FIELD_SELECTOR), ...requirements];
}

function labelSelectorErrors(selector: LabelSelectorAttributes | undefined): readonly FieldError[] {
  const path = LABEL_SELECTOR.child('requirements');
  return [...formErrors(selector, LABEL_SELECTOR), ...(selector?.requirements ?? []).flatMap((each, at) => validateExpression(each, path.index(at), true))];
}

function formErrors(selector: FieldSelectorAttributes | LabelSelectorAttributes | undefined, path: FieldPath): readonly FieldError[] {
  if (selector === undefined) return [];
  const { rawSelector = '', requirements = [] } = selector;
  if (rawSelector !== '' && requirements.length > 0)
    return [invalid(path.child('rawSelector'), rawSelector, 'may not specified at the same time as requirements')];
  if (rawSelector !== '' || requirements.length > 0) return [];
  return [required(path.child('requirements'), `when ${path.toString()} is specified, requirements or rawSelector is required`)];
}
