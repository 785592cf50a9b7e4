import { create } from 'zustand';
import { DisposableStore } from '../../app/base/disposable.ts';
import { Emitter, type Event } from '../../app/base/event.ts';
import { messageOf } from '../../app/base/result.ts';
import type { GitChange, GitStatus } from '../../app/contract/workspace.ts';
import { studio, whenConnected } from '../host/client.ts';
import { followForever } from '../host/follow.ts';

/** Paths that changed, or everything may have. */
export type FileChange = readonly string[] | 'everything';

const changes = new Emitter<FileChange>();
export const onDidChangeFiles: Event<FileChange> = changes.event;

interface WorkspaceState {
  readonly git: GitStatus | null;
  /** What to show of each path, files and the directories above them. */
  readonly marks: ReadonlyMap<string, GitMark>;
  /** Every file that git would not ignore, for quick open. */
  readonly files: readonly string[];
  readonly filesTruncated: boolean;
}

export type GitMark = 'modified' | 'added' | 'deleted' | 'untracked' | 'conflict';

export const useWorkspace = create<WorkspaceState>(() => ({
  git: null,
  marks: new Map(),
  files: [],
  filesTruncated: false,
}));

const QUIET_MS = 250;

/** Follows the folder: events for the explorer and the editors, git's status, and the list of files. */
export function followWorkspace() {
  const owned = new DisposableStore();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(() => void refresh(), QUIET_MS);
  };
  void whenConnected().then(refresh);
  owned.add(
    followForever(
      (signal) => studio.workspace.watch(undefined, { signal }),
      (event) => {
        if (event.kind === 'changed') changes.fire(event.paths);
        else if (event.kind !== 'failed') changes.fire('everything');
        later();
      },
    ),
  );
  return owned;
}

async function refresh(): Promise<void> {
  const outcomes = await Promise.allSettled([
    studio.workspace.quickOpen().then((files) => {
      if (files.ok) useWorkspace.setState({ files: files.value.paths, filesTruncated: files.value.truncated });
    }),
    studio.workspace.gitStatus().then((git) => {
      if (git.ok) useWorkspace.setState({ git: git.value, marks: marksOf(git.value) });
    }),
  ]);
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected')
      console.warn(`the workspace could not be looked at: ${messageOf(outcome.reason)}`);
  }
}

export function refreshGit(): void {
  void refresh();
}

function markOf(index: GitChange, workTree: GitChange): GitMark | null {
  const both = [index, workTree];
  if (both.includes('conflicted')) return 'conflict';
  if (both.includes('untracked')) return 'untracked';
  if (both.includes('deleted')) return 'deleted';
  if (both.some((change) => change === 'added' || change === 'copied')) return 'added';
  return both.every((change) => change === 'unmodified') ? null : 'modified';
}

/** A mark for each changed path, and for every directory above it: `modified`, or what all in it agree on. */
export function marksOf(git: GitStatus): Map<string, GitMark> {
  const marks = new Map<string, GitMark>();
  if (git.kind !== 'repository') return marks;
  for (const entry of git.entries) {
    const mark = markOf(entry.index, entry.workTree);
    if (mark === null) continue;
    // Git names an untracked directory with a slash at its end.
    const path = entry.path.replace(/\/$/, '');
    marks.set(path, mark);
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      const folder = path.slice(0, at);
      const there = marks.get(folder);
      const inFolder = mark === 'deleted' || mark === 'added' ? 'modified' : mark;
      marks.set(
        folder,
        there === undefined || there === inFolder ? inFolder : there === 'conflict' ? 'conflict' : 'modified',
      );
    }
  }
  return marks;
}
