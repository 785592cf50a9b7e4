import { isExternal } from '../../app/contract/external.ts';
import { requestReveal } from '../state/documents.ts';
import { noteRecent } from '../state/recent.ts';
import { DIFF_VIEW, FILE_VIEW, openPanel } from './dock.ts';

export interface OpenOptions {
  /** From 1; the editor scrolls there and puts the cursor on it. */
  readonly line?: number | undefined;
  /** From 1. */
  readonly column?: number | undefined;
  /** In a group of its own at the right. */
  readonly beside?: boolean | undefined;
  /** Default true. */
  readonly focus?: boolean | undefined;
}

const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1);

/** Opens a file of the workspace, by its workspace path, or shows it if it is open. */
export function openFile(path: string, options: OpenOptions = {}): void {
  if (!isExternal(path)) noteRecent(path);
  if (options.line !== undefined) requestReveal(path, options.line, options.column ?? 1);
  openPanel(`file:${path}`, { component: FILE_VIEW, title: nameOf(path), params: { path } }, options);
}

/** Compares a file with what it was: `head` is git's last commit, `disk` the file under unsaved text. */
export function openDiff(path: string, against: 'head' | 'disk'): void {
  const title = `${nameOf(path)} (${against === 'head' ? 'HEAD' : 'on disk'})`;
  openPanel(`diff:${against}:${path}`, { component: DIFF_VIEW, title, params: { path, against } });
}
