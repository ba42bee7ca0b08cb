import type {
  FieldSelectorAttributes,
  LabelSelectorAttributes,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewSpec,
} from '../../api/gen/types/authorization.v1.ts';
import type { UserInfo } from '../../machinery/exchange.ts';
import { type FieldError, FieldPath, invalid } from '../../machinery/field-error.ts';
import type { JsonObject } from '../../machinery/object.ts';
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
    validate(kind, spec, true);
    if (kind === 'LocalSubjectAccessReview') validateLocal(kind, spec, call.namespace);
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
        validate('SelfSubjectAccessReview', spec, false);
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

function validate(kind: string, spec: SubjectAccessReviewSpec, needsSubject: boolean): void {
  const errors: FieldError[] = [];
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec;
  if (resource !== undefined && path !== undefined) {
    errors.push(invalid(SPEC.child('nonResourceAttributes'), path as unknown as JsonObject, 'cannot be specified in combination with resourceAttributes'));
  }
  if (resource === undefined && path === undefined) {
    errors.push(invalid(SPEC.child('resourceAttributes'), null, 'exactly one of nonResourceAttributes or resourceAttributes must be specified'));
  }
  if (needsSubject && (spec.user ?? '') === '' && (spec.groups ?? []).length === 0) {
    errors.push(invalid(SPEC.child('user'), '', 'at least one of user or group must be specified'));
  }
  if (errors.length > 0) throw invalidObject({ group: GROUP, kind }, '', errors);
}

function validateLocal(kind: string, { resourceAttributes: resource, nonResourceAttributes: path }: SubjectAccessReviewSpec, namespace: string): void {
  if (path !== undefined) {
    throw invalidObject({ group: GROUP, kind }, '', [
      invalid(SPEC.child('nonResourceAttributes'), path as unknown as JsonObject, 'disallowed on this kind of request'),
    ]);
  }
  if (resource?.namespace !== namespace) {
    throw badRequest(`spec.resourceAttributes.namespace must match namespace: ${namespace}`);
  }
}
