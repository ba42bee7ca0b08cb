import type { UserInfo } from '../../machinery/exchange.ts';
import type { Authenticate, Authorize, AuthorizeDecision } from '../stages.ts';
import type { Gauge } from './route.ts';

/** The users whom Kubernetes counts by name; all others are one. */
const NAMED: ReadonlySet<string> = new Set(['admin', 'client', 'kube_proxy', 'kubelet', 'system:serviceaccount:kube-system:default']);

/** Counts who was let in and what was allowed, under Kubernetes' own names. */
export class AccessMetrics {
  readonly #authentications = { success: 0, failure: 0, error: 0 };
  readonly #authorizations = { allowed: 0, denied: 0, 'no-opinion': 0, error: 0 };
  readonly #users = new Map<string, number>();

  authenticate(inner: Authenticate): Authenticate {
    const note = (user: UserInfo | undefined): UserInfo | undefined => {
      this.#authentications[user === undefined ? 'failure' : 'success']++;
      if (user !== undefined) {
        const name = NAMED.has(user.name) ? user.name : user.name.includes('@') ? 'email_id' : 'other';
        this.#users.set(name, (this.#users.get(name) ?? 0) + 1);
      }
      return user;
    };
    const failed = (thrown: unknown): never => {
      this.#authentications.error++;
      throw thrown;
    };
    return (request) => {
      const found = inner(request);
      return found instanceof Promise ? found.then(note, failed) : note(found);
    };
  }

  authorize(inner: Authorize): Authorize {
    const note = (decision: AuthorizeDecision): AuthorizeDecision => {
      this.#authorizations[decision.allowed ? 'allowed' : decision.denied === true ? 'denied' : 'no-opinion']++;
      return decision;
    };
    const failed = (thrown: unknown): never => {
      this.#authorizations.error++;
      throw thrown;
    };
    return (attributes) => {
      const decision = inner(attributes);
      return decision instanceof Promise ? decision.then(note, failed) : note(decision);
    };
  }

  get gauges(): readonly Gauge[] {
    const byResult =
      (counts: Readonly<Record<string, number>>): Gauge['values'] =>
      () =>
        Object.entries(counts)
          .filter(([, value]) => value > 0)
          .map(([result, value]) => ({ value, labels: { result } }));
    return [
      { name: 'authentication_attempts', type: 'counter', help: 'Counter of authenticated attempts.', values: byResult(this.#authentications) },
      {
        name: 'authenticated_user_requests',
        type: 'counter',
        help: 'Counter of authenticated requests broken out by username.',
        values: () => [...this.#users].map(([username, value]) => ({ value, labels: { username } })),
      },
      {
        name: 'authorization_attempts_total',
        type: 'counter',
        help: "Counter of authorization attempts broken down by result. It can be either 'allowed', 'denied', 'no-opinion' or 'error'.",
        values: byResult(this.#authorizations),
      },
    ];
  }
}
