import { StatusError } from '../../machinery/status-error.ts';
import type { Core } from '../core.ts';
import type { Answer, Call, ParsedBody } from './call.ts';
import type { ChangeRules } from './change.ts';
import type { Target } from './target.ts';

/** Server-side apply. */
export async function applyObject(_core: Core, _call: Call, _target: Target, _body: ParsedBody, _rules: ChangeRules): Promise<Answer> {
  throw new StatusError('UnsupportedMediaType', 'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json');
}
