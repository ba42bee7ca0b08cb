import type { Command } from 'commander';
import { events as eventResource, persistentVolumeClaims, persistentVolumes, pods, storageClasses } from '../api/gen/resources.ts';
import type { PersistentVolume } from '../api/gen/types/core.v1.ts';
import { builtinKinds } from '../api/registry.ts';
import type { Kind } from '../api/kind.ts';
import type { Client } from '../client/client.ts';
import type { KubeObject, Stored } from '../machinery/object.ts';
import { StatusError } from '../machinery/status-error.ts';
import { connect } from './connect.ts';
import { bold, dataDirectoryOf, outputOption } from './terminal.ts';
import { type Answer, type EventView, fine, lastWarning, trouble } from './why/answer.ts';
import { explainClaim } from './why/claim.ts';
import { explainHealth } from './why/volume.ts';
import { explainByPods } from './why/workload.ts';
import { explainPod } from './why/pod.ts';
import { explainTerminating } from './why/terminating.ts';

/** `berth why KIND/NAME`: one plain answer, with the fix. Exit code 4 when something is not as wanted. */
export function addWhy(program: Command): void {
  program
    .command('why')
    .argument('<kind/name>', 'as pod/web-0, pvc/data, deployment/web')
    .description('why an object is not where you want it, and what to do')
    .option('-n, --namespace <NAME>', 'of the object', 'default')
    .option('--data-dir <DIR>', 'of the cluster')
    .addOption(outputOption())
    .addHelpText('after', '\nExamples:\n  berth why pod/web-0\n  berth why pvc/data -n shop\n\nExit codes: 0 all is well, 4 something is not.\n')
    .action(async (target: string, options: { readonly namespace: string; readonly dataDir?: string; readonly output: string }) => {
      const [kindName = '', name = ''] = target.split('/');
      if (name === '') throw new Error(`${target}: write KIND/NAME, as pod/web-0`);
      using connection = await connect(dataDirectoryOf(options.dataDir));
      const answer = await explain(connection.client, kindOf(kindName), name, options.namespace);
      if (options.output === 'json') process.stdout.write(`${JSON.stringify(answer, undefined, 2)}\n`);
      else print(answer);
      if (!answer.fine) process.exitCode = 4;
    });
}

function kindOf(word: string): Kind {
  const lower = word.toLowerCase();
  const found = builtinKinds().find((kind) => kind.servedByDefault && [kind.resource, kind.singular, ...kind.shortNames].includes(lower));
  if (found === undefined) throw new Error(`${word}: no such kind; \`kubectl api-resources\` lists them`);
  return found;
}

async function explain(client: Client, kind: Kind, name: string, namespace: string): Promise<Answer> {
  const scope = kind.namespaced ? namespace : undefined;
  const object = await client.get<KubeObject>(kind, name, scope).catch((thrown: unknown) => {
    if (thrown instanceof StatusError && thrown.reason === 'NotFound') return undefined;
    throw thrown;
  });
  if (object === undefined)
    return trouble(
      `There is no ${kind.kind} ${name}${scope === undefined ? '' : ` in namespace ${scope}`}.`,
      [],
      [`kubectl get ${kind.resource}${scope === undefined ? '' : ' -A'}`],
    );
  const events = await eventsOf(client, object, kind);
  const terminating = explainTerminating(`${kind.kind} ${name}`, object, Date.now());
  if (terminating !== undefined) return terminating;
  if (kind.group === '' && kind.resource === 'pods') return podAnswer(client, name, namespace, events);
  if (kind.group === '' && kind.resource === 'persistentvolumes') return volumeAnswer(await client.get(persistentVolumes, name), events);
  if (kind.group === '' && kind.resource === 'persistentvolumeclaims') return claimAnswer(client, name, namespace, events);
  return (await podsAnswer(client, kind, object)) ?? conditionAnswer(kind, object, events);
}

async function eventsOf(client: Client, object: Stored<KubeObject>, kind: Kind): Promise<readonly EventView[]> {
  const namespace = object.metadata.namespace ?? 'default';
  const { items } = await client.list(eventResource, {
    namespace,
    fieldSelector: `involvedObject.kind=${kind.kind},involvedObject.name=${object.metadata.name}`,
  });
  return items
    .filter((event) => event.involvedObject.uid === undefined || event.involvedObject.uid === object.metadata.uid)
    .map((event) => ({
      type: event.type ?? '',
      reason: event.reason ?? '',
      message: event.message ?? '',
      lastMs: Date.parse(event.lastTimestamp ?? event.eventTime ?? '') || 0,
      count: event.count ?? 1,
    }));
}

/** Of kinds that make pods by a selector: what is wrong with those. */
async function podsAnswer(client: Client, kind: Kind, object: Stored<KubeObject>): Promise<Answer | undefined> {
  const { spec } = object as {
    readonly spec?: { readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> }; readonly template?: unknown };
  };
  const labels = Object.entries(spec?.selector?.matchLabels ?? {});
  if (spec?.template === undefined || labels.length === 0) return undefined;
  const { namespace = 'default', name } = object.metadata;
  const { items } = await client.list(pods, { namespace, labelSelector: labels.map(([key, value]) => `${key}=${value}`).join(',') });
  const answers = new Map<string, Answer>();
  for (const pod of items) answers.set(pod.metadata.uid, await podAnswer(client, pod.metadata.name, namespace, await eventsOf(client, pod, kindOf('pod'))));
  return explainByPods(`${kind.kind} ${name}`, items, (pod) => answers.get(pod.metadata.uid) ?? fine(''));
}

async function podAnswer(client: Client, name: string, namespace: string, events: readonly EventView[]): Promise<Answer> {
  const [pod, all, claims] = await Promise.all([client.get(pods, name, namespace), client.list(pods), client.list(persistentVolumeClaims, { namespace })]);
  const named = (pod.spec?.volumes ?? []).flatMap((volume) => volume.persistentVolumeClaim?.claimName ?? []);
  return explainPod({
    pod,
    events,
    others: all.items.filter((other) => other.metadata.uid !== pod.metadata.uid),
    claims: new Map(named.map((claim) => [claim, claims.items.find((each) => each.metadata.name === claim)])),
  });
}

async function claimAnswer(client: Client, name: string, namespace: string, events: readonly EventView[]): Promise<Answer> {
  const [claim, classes, all, volumes] = await Promise.all([
    client.get(persistentVolumeClaims, name, namespace),
    client.list(storageClasses),
    client.list(pods, { namespace }),
    client.list(persistentVolumes),
  ]);
  return explainClaim({
    claim,
    volume: volumes.items.find((each) => each.metadata.name === claim.spec?.volumeName),
    events,
    classes: classes.items,
    users: all.items.filter((pod) => pod.spec?.volumes?.some((volume) => volume.persistentVolumeClaim?.claimName === name)),
  });
}

function volumeAnswer(volume: Stored<PersistentVolume>, events: readonly EventView[]): Answer {
  return explainHealth(`Volume ${volume.metadata.name}`, ' is', volume) ?? conditionAnswer(kindOf('persistentvolume'), volume, events);
}

/** Any other kind: its conditions and its newest warning say what they can. */
function conditionAnswer(kind: Kind, object: Stored<KubeObject>, events: readonly EventView[]): Answer {
  const status = (
    object as { readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[] } }
  ).status;
  const bad = (status?.conditions ?? []).filter(({ type, status: value }) =>
    /Available|Ready|Progressing|Complete/.test(type) ? value === 'False' : /Failure|Failed|Pressure/.test(type) && value === 'True',
  );
  const what = `${kind.kind} ${object.metadata.name}`;
  const silent = events.find(({ reason }) => reason === 'NotRouted' || reason === 'NotActedOn');
  if (silent !== undefined) return trouble(`${what} is kept, and has no effect.`, [silent.message], ["see what works in Berth's README"]);
  const warning = lastWarning(events);
  if (bad.length === 0) return fine(warning === undefined ? `${what} is as it should be.` : `${what} is as it should be; its newest warning was: ${warning}`);
  return trouble(
    `${what} is not as it should be.`,
    [...bad.map(({ type, message }) => `${type}: ${message ?? ''}`), ...(warning === undefined ? [] : [warning])],
    [`kubectl describe ${kind.singular} ${object.metadata.name}`],
  );
}

function print({ state, because, fix }: Answer): void {
  process.stdout.write(`${bold(state)}\n`);
  for (const line of because) process.stdout.write(`  why: ${line}\n`);
  for (const line of fix) process.stdout.write(`  fix: ${line}\n`);
}
