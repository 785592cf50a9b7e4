import type { CancelSignal } from '../../../app/base/cancel.ts';
import { fail, ok, type Result } from '../../../app/base/result.ts';
import { type GitChange, type GitStatus, type HeadContent, MAX_TEXT_BYTES } from '../../../app/contract/workspace.ts';
import { runProcess } from '../../process/index.ts';

const MAX_STATUS_BYTES = 4 << 20;
const MAX_ENTRIES = 10_000;
const TIMEOUT_MS = 20_000;

/** No lock that would get in the way of a person's own git, no program that the repository names. */
function git(root: string, args: readonly string[], maxBytes: number, signal?: CancelSignal) {
  return runProcess('git', ['-c', 'core.fsmonitor=false', '-c', 'core.quotePath=false', ...args], {
    cwd: root,
    env: { GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0' },
    maxBytes,
    signal,
    timeoutMs: TIMEOUT_MS,
  });
}

/** What differs from HEAD below `root`, which may lie deep in a repository. */
export async function readStatus(root: string, signal: CancelSignal | undefined): Promise<Result<GitStatus>> {
  const prefix = await git(root, ['rev-parse', '--show-prefix'], 64 * 1024, signal);
  if (!prefix.ok) {
    if (prefix.error.code === 'cancelled') return prefix;
    return ok({ kind: 'none', why: 'git is not installed' });
  }
  if (prefix.value.code !== 0) return ok({ kind: 'none', why: 'the folder is not in a git repository' });
  const status = await git(
    root,
    ['status', '--porcelain=v2', '--branch', '-z', '--untracked-files=all', '--', '.'],
    MAX_STATUS_BYTES,
    signal,
  );
  if (!status.ok) return status;
  if (status.value.code !== 0)
    return fail(
      'git-failed',
      "git's status cannot be read.",
      status.value.timedOut ? `nothing within ${TIMEOUT_MS} ms` : status.value.stderr.trim().slice(0, 1000),
      'Run `git status` in a terminal.',
    );
  return ok(parseStatus(status.value.stdout, prefix.value.stdout.replace(/\n$/, '')));
}

/** A file as it is in HEAD, without filters. */
export async function readHead(root: string, path: string): Promise<Result<HeadContent>> {
  const blob = await git(root, ['cat-file', 'blob', `HEAD:./${path}`], MAX_TEXT_BYTES + 1);
  if (!blob.ok) return blob.error.code === 'cannot-start-process' ? ok({ kind: 'absent' }) : blob;
  const { code, stdout } = blob.value;
  if (code !== 0) return ok({ kind: 'absent' });
  const tooLarge = Buffer.byteLength(stdout) > MAX_TEXT_BYTES;
  return ok(tooLarge || stdout.includes('\0') ? { kind: 'binary' } : { kind: 'text', text: stdout });
}

const CHANGES: Readonly<Record<string, GitChange>> = {
  '.': 'unmodified',
  M: 'modified',
  T: 'type-changed',
  A: 'added',
  D: 'deleted',
  R: 'renamed',
  C: 'copied',
  U: 'conflicted',
};

/**
 * `git status --porcelain=v2 --branch -z` (git-status(1), "Porcelain Format Version 2").
 * @param prefix of the folder in its repository, with a slash at its end, or empty
 */
export function parseStatus(text: string, prefix: string): GitStatus {
  const status: Extract<GitStatus, { kind: 'repository' }> = {
    kind: 'repository',
    branch: null,
    commit: null,
    ahead: null,
    behind: null,
    entries: [],
    truncated: false,
  };
  const inside = (path: string) => (path.startsWith(prefix) ? path.slice(prefix.length) : path);
  const change = (letter: string | undefined): GitChange => CHANGES[letter ?? '.'] ?? 'modified';
  const records = text.split('\0');
  // What stands after the last zero was cut off, or is empty.
  if ((records.pop() ?? '') !== '') status.truncated = true;
  for (let i = 0; i < records.length; i++) {
    const record = records[i] ?? '';
    if (record.startsWith('# ')) readHeader(status, record.slice(2));
    else if (status.entries.length >= MAX_ENTRIES) status.truncated = true;
    else if (record.startsWith('? '))
      status.entries.push({
        path: inside(record.slice(2)),
        index: 'unmodified',
        workTree: 'untracked',
        from: null,
      });
    else if (/^[12u] /.test(record)) {
      const kind = record.slice(0, 1);
      // Fields before the path: 8 for an ordinary entry, 9 for a renamed one, 10 for an unmerged one.
      const fields = kind === '1' ? 8 : kind === '2' ? 9 : 10;
      const parts = record.split(' ');
      const path = inside(parts.slice(fields).join(' '));
      const letters = parts[1] ?? '..';
      const from = kind === '2' ? inside(records[++i] ?? '') : null;
      status.entries.push(
        kind === 'u'
          ? { path, index: 'conflicted', workTree: 'conflicted', from }
          : { path, index: change(letters[0]), workTree: change(letters[1]), from },
      );
    }
  }
  return status;
}

function readHeader(status: Extract<GitStatus, { kind: 'repository' }>, header: string): void {
  const [name, value = '', second = ''] = header.split(' ');
  if (name === 'branch.oid') status.commit = value === '(initial)' ? null : value;
  else if (name === 'branch.head') status.branch = value === '(detached)' ? null : value;
  else if (name === 'branch.ab') {
    status.ahead = Math.abs(Number(value)) || 0;
    status.behind = Math.abs(Number(second)) || 0;
  }
}
