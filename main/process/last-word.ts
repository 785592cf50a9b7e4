import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Disposable } from '../../app/base/disposable.ts';

/**
 * Says it on file 3 if its own input ends without a line, which means that whoever was to say it is gone. The other end may be about to
 * answer questions that nobody waits for any more: what it sends is taken, so that it comes to the last word, and only then is the
 * connection closed, which can make it forget what it has not read. File 3 does not block (it is Node's): `cat` takes what there is.
 */
const SHELL = `read -r line && exit 0
cat <&3 >/dev/null 2>&1
printf %s "$1" >&3
n=0
while [ $n -lt 20 ]; do
  sleep 0.1
  cat <&3 >/dev/null 2>&1
  n=$((n + 1))
done`;

/**
 * Sees to it that `words` are said on a connection also if this program is killed before it can: a process of its own holds the
 * connection too, and waits. Disposed, it goes without a word. Where there is no such process, null.
 */
export function holdLastWord(socket: Socket, words: string): Disposable | null {
  // Node lends a descriptor only, not a stream: of a stream that a child has too it reads no more.
  const { fd } = (socket as Socket & { readonly _handle?: { readonly fd?: number } })._handle ?? {};
  if (process.platform === 'win32' || fd === undefined || fd < 0) return null;
  try {
    const holder = spawn('/bin/sh', ['-c', SHELL, 'ring0-last-word', words], {
      stdio: ['pipe', 'ignore', 'ignore', fd],
      // A session of its own: Ctrl-C in the terminal must not take it first.
      detached: true,
    });
    holder.on('error', () => {});
    holder.stdin?.on('error', () => {});
    holder.unref();
    let said = false;
    return {
      dispose() {
        if (said) return;
        said = true;
        holder.stdin?.end('done\n');
      },
    };
  } catch {
    return null;
  }
}
