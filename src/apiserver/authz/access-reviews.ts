import type { SelfSubjectRulesReview, SubjectAccessReview, SubjectAccessReviewSpec } from '../../api/gen/types/authorization.v1.ts';
import type { UserInfo } from '../../machinery/exchange.ts';
import type { FieldError } from '../../machinery/field-error.ts';
import type { JsonObject } from '../../machinery/object.ts';
import { badRequest, invalidObject } from '../../machinery/status-error.ts';
import type { AuthorizeAttributes, VirtualCall, VirtualResource } from '../stages.ts';
import { validateAccessReview, validateLocalAccessReview, validateSelfAccessReview } from './access-review.validation.ts';
import { type Authorizer, pathAttributes, resourceAttributes } from './authorizer.ts';
import { nodeOf } from './node.ts';
import type { RbacIndex } from './rbac.ts';
import { fieldNarrowing, labelNarrowing } from './review-selectors.ts';

const GROUP = 'authorization.k8s.io';

/** May they? SubjectAccessReview, its local form, the one about oneself (`kubectl auth can-i`), and the list of one's rules. */
export function accessReviews(authorize: Authorizer, index: RbacIndex): readonly VirtualResource[] {
  const answer = (kind: string, body: JsonObject, user: UserInfo, spec: SubjectAccessReviewSpec): JsonObject => {
    const { allowed, denied, reason, evaluationError } = authorize(attributesOf(user, spec));
    const { fieldSelector, labelSelector } = spec.resourceAttributes ?? {};
    const faults = [allowed ? undefined : evaluationError, fieldNarrowing(fieldSelector).fault, labelNarrowing(labelSelector).fault].filter(
      (fault) => fault !== undefined,
    );
    const status = {
      allowed,
      ...(denied === true ? { denied } : {}),
      ...(reason === '' ? {} : { reason }),
      ...(faults.length === 0 ? {} : { evaluationError: faults.join('; ') }),
    };
    return { metadata: {}, ...body, kind, apiVersion: `${GROUP}/v1`, status };
  };
  const about = (kind: string, call: VirtualCall, body: JsonObject): JsonObject => {
    const { spec } = body as unknown as SubjectAccessReview;
    refuse(kind, kind === 'LocalSubjectAccessReview' ? validateLocalAccessReview(body, call.namespace) : validateAccessReview(body));
    const user = { name: spec.user ?? '', uid: spec.uid, groups: spec.groups ?? [], extra: spec.extra };
    return answer(kind, body, user, spec);
  };
  return [
    { group: GROUP, resource: 'subjectaccessreviews', create: (call, body) => about('SubjectAccessReview', call, body) },
    { group: GROUP, resource: 'localsubjectaccessreviews', create: (call, body) => about('LocalSubjectAccessReview', call, body) },
    {
      group: GROUP,
      resource: 'selfsubjectaccessreviews',
      create(call, body) {
        const { spec } = body as unknown as SubjectAccessReview;
        refuse('SelfSubjectAccessReview', validateSelfAccessReview(body));
        return answer('SelfSubjectAccessReview', body, call.user, spec);
      },
    },
    { group: GROUP, resource: 'selfsubjectrulesreviews', create: (call, body) => rulesReview(index, call, body) },
  ];
}

function refuse(kind: string, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalidObject({ group: GROUP, kind }, '', errors);
}

/** The answer says nothing of what was asked. What a node may do is not all in rules. */
function rulesReview(index: RbacIndex, { user }: VirtualCall, body: JsonObject): JsonObject {
  const namespace = (body as unknown as SelfSubjectRulesReview).spec?.namespace ?? '';
  if (namespace === '') throw badRequest('no namespace on request');
  const { rules, errors: missing } = index.rulesOf(user, namespace);
  const incomplete = nodeOf(user) !== undefined;
  const errors = new Set(incomplete ? ['node authorizer does not support user rule resolution', ...missing] : missing);
  const pick = (names: readonly string[], rule: object): JsonObject => Object.fromEntries(Object.entries(rule).filter(([name]) => names.includes(name)));
  const status = {
    resourceRules: rules.filter((rule) => (rule.resources ?? []).length > 0).map((rule) => pick(['verbs', 'apiGroups', 'resources', 'resourceNames'], rule)),
    nonResourceRules: rules.filter((rule) => (rule.nonResourceURLs ?? []).length > 0).map((rule) => pick(['verbs', 'nonResourceURLs'], rule)),
    incomplete,
    ...(errors.size === 0 ? {} : { evaluationError: errors.size === 1 ? [...errors].join('') : `[${[...errors].join(', ')}]` }),
  };
  return { kind: 'SelfSubjectRulesReview', apiVersion: `${GROUP}/v1`, metadata: {}, spec: {}, status };
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
    fieldSelector: fieldNarrowing(resource.fieldSelector).text,
    labelSelector: labelNarrowing(resource.labelSelector).text,
  });
}
