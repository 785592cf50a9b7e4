import { isTokenShaped } from '../../server/guard.ts';
import { defineCommand } from '../command.ts';
import { findElectron, NO_DISPLAY, runElectron } from '../electron-window.ts';
import { EXIT } from '../exit-codes.ts';
import { giveUp, unwrap } from '../failure.ts';
import { makeBundle } from '../make-bundle.ts';
import { openInBrowser } from '../open-in-browser.ts';

export const studio = defineCommand({
  name: 'studio',
  summary: 'open the studio: edit, build, boot and talk in one window',
  operands: '[FOLDER]',
  arity: [0, 1],
  description: `Opens the studio in a window of its own where Electron is installed. Elsewhere it says why not, and serves the
same page on 127.0.0.1 to whoever has the key in the address that it prints.
FOLDER is what the studio edits, by default this repository. A folder that has a kernel/ring0 of its own, such as
another clone, is also what it builds. Ctrl-C ends everything, machines included.

On another computer, forward the port: ssh -L PORT:127.0.0.1:PORT HOST, with the same PORT on both sides, and open the
printed address here. Give --port and --token to start again where a window is still open: it connects by itself and
has lost nothing.`,
  options: {
    port: { kind: 'number', value: 'N', minimum: 0, maximum: 65535, help: 'port on 127.0.0.1 (default: any free one)' },
    token: {
      kind: 'text',
      value: 'TEXT',
      help: 'key of the address, as an earlier start printed it (default: a new one)',
    },
    browser: { kind: 'flag', help: 'serve the page for a browser even where an Electron window could be opened' },
    'no-open': { kind: 'flag', help: 'print the address, and leave the browser alone' },
  },
  examples: [
    ['ring0 studio', 'serve the studio and open it in the browser'],
    ['ring0 studio --no-open --port 7070', 'for a remote computer behind ssh -L 7070:127.0.0.1:7070'],
  ],
  async run({ root, terminal, interrupts }, values, [folder]) {
    const { token } = values;
    if (token !== undefined && !isTokenShaped(token))
      giveUp(
        'usage',
        'that is not a token',
        '20 to 128 letters, digits, - and _',
        'leave --token out to get a new one',
      );
    // Loaded here, so that no other command pays for it.
    const [{ createStudio }, { startStudioServer }, { ensurePage }] = await Promise.all([
      import('../../rpc/studio.ts'),
      import('../../server/index.ts'),
      import('../../server/page.ts'),
    ]);
    const directory = unwrap(await ensurePage(root, () => terminal.progress('building the page'), interrupts.signal));
    terminal.clearProgress();
    // A port, a key or a wish for JSON is a wish for the browser shell.
    const wanted =
      !values.browser && !values['no-open'] && !values.json && values.port === undefined && token === undefined;
    const electron = wanted ? findElectron(root) : { why: 'asked for' };
    if ('program' in electron) return unwrap(await runElectron(electron.program, root, folder, interrupts.signal));
    if (wanted)
      terminal.hint(
        `No window of its own: ${electron.why}. Open the address in a browser; from afar, forward the port (ssh -L).`,
      );
    const ptyHost = await makeBundle(root, 'pty-host');
    const host = unwrap(await createStudio({ root, workspace: folder, ptyHost }));
    try {
      const reportBug = (error: unknown) => terminal.note(error instanceof Error ? `${error.stack}` : String(error));
      const { router } = host;
      const server = unwrap(await startStudioServer({ router, directory, port: values.port ?? 0, token, reportBug }));
      try {
        const { url, port } = server;
        if (values.json)
          terminal.jsonLine({ event: 'ready', url, port, token: server.token, hostId: router.info.hostId });
        else terminal.line(`Ring0 Studio: ${url}`);
        // Without a display there is no browser either, which has been said.
        if (!values['no-open'] && !values.json && !('why' in electron && electron.why === NO_DISPLAY)) {
          const why = await openInBrowser(url);
          if (why !== undefined) terminal.hint(why);
        }
        await aborted(interrupts.signal);
      } finally {
        server.dispose();
      }
    } finally {
      host.dispose();
    }
    return interrupts.exitCode === EXIT.interrupted ? EXIT.ok : interrupts.exitCode;
  },
});

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
