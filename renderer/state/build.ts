import { create } from 'zustand';
import type { Disposable } from '../../app/base/disposable.ts';
import { messageOf } from '../../app/base/result.ts';
import type { Diagnostic } from '../../app/contract/index.ts';
import { studio, useConnection } from '../host/client.ts';
import { followForever } from '../host/follow.ts';
import {
  type BuildView,
  countProblems,
  NO_BUILD,
  type ProblemCounts,
  type ProblemGroup,
  problemGroups,
  reduceBuild,
} from './build-view.ts';
import { notify, notifyError } from './notifications.ts';
import { mayBuild } from './trust.ts';

export const useBuild = create<BuildView>(() => NO_BUILD);

/** Keeps the store equal to the host's build, whoever started it. */
export function followBuild(): Disposable {
  return followForever(
    (signal) => studio.build.follow(undefined, { signal }),
    (event) => useBuild.setState((view) => reduceBuild(view, event, Date.now()), true),
  );
}

/** `refused`: the folder is not trusted, and a person was asked. */
export type BuildOutcome = 'succeeded' | 'failed' | 'refused';

/** Builds, or waits for the build that runs. What went wrong stands in the build's log and in the list of problems. */
export async function runBuild(signal?: AbortSignal): Promise<BuildOutcome> {
  try {
    if (!(await mayBuild())) return 'refused';
    for await (const event of await studio.build.run(undefined, signal === undefined ? {} : { signal })) {
      if (event.kind === 'finished') return 'succeeded';
      if (event.kind === 'failed') return 'failed';
    }
  } catch (thrown) {
    if (signal?.aborted !== true)
      notify({ severity: 'error', message: 'The build was lost', detail: messageOf(thrown) });
  }
  return 'failed';
}

export async function cancelBuild(): Promise<void> {
  const cancelled = await studio.build.cancel();
  if (!cancelled.ok) notifyError(cancelled.error);
}

export function isBuilding({ status }: BuildView): boolean {
  return status.phase === 'running';
}

interface Grouped {
  readonly problems: readonly Diagnostic[];
  readonly root: string;
  readonly groups: readonly ProblemGroup[];
  readonly counts: ProblemCounts;
}

let grouped: Grouped = { problems: [], root: '', groups: [], counts: { errors: 0, warnings: 0 } };

/** Groups and counts are made once for each list of problems, however many components look. */
function group(problems: readonly Diagnostic[], root: string): Grouped {
  if (grouped.problems !== problems || grouped.root !== root) {
    const groups = problemGroups(problems, root);
    grouped = { problems, root, groups, counts: countProblems(groups) };
  }
  return grouped;
}

/** The folder that is open; empty until the host has said so. */
export function workspaceRoot(): string {
  const { connection } = useConnection.getState();
  if (connection.phase === 'connected') lastRoot = connection.info.workspace.root;
  return lastRoot;
}
let lastRoot = '';

/** Of the last build alone. */
export function useBuildCounts(): ProblemCounts {
  return useBuild(({ status }) => group(status.problems, workspaceRoot()).counts);
}

/** What the last build found, by file. */
export function buildProblems(): readonly ProblemGroup[] {
  return group(useBuild.getState().status.problems, workspaceRoot()).groups;
}
