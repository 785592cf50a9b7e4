/** The process that holds the pseudo-terminals: `node dist/pty-host.mjs`, started by the terminal service and by nobody else. */
import { messageOf } from '../../../app/base/result.ts';
import { PtyChild } from './pty-child.ts';
import { loadPtyModule } from './pty-module.ts';

// Ctrl-C in the terminal of the studio is the studio's affair; this process ends with its stdin.
for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) process.on(signal, () => {});
try {
  const module = await loadPtyModule();
  new PtyChild(module, process.stdin, process.stdout, () => process.exit(0));
} catch (thrown) {
  process.stdout.write(`${JSON.stringify({ kind: 'unavailable', why: messageOf(thrown) })}\n`, () => process.exit(1));
}
