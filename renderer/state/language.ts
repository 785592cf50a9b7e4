import { create } from 'zustand';
import { type Disposable, DisposableStore } from '../../app/base/disposable.ts';
import { Emitter, type Event } from '../../app/base/event.ts';
import { messageOf } from '../../app/base/result.ts';
import type { LanguageDiagnostic, LanguageStatus } from '../../app/contract/language.ts';
import { studio } from '../host/client.ts';
import { followForever } from '../host/follow.ts';
import { notify, notifyError } from './notifications.ts';
import { PersistedValue } from './persisted.ts';

interface LanguageState {
  readonly status: LanguageStatus;
  /** The server's log, newest last. */
  readonly log: readonly { readonly id: number; readonly line: string }[];
  /** What it has found, by workspace path. */
  readonly found: ReadonlyMap<string, readonly LanguageDiagnostic[]>;
}

export const useLanguage = create<LanguageState>(() => ({
  status: { phase: 'idle', why: 'no Rust file is open' },
  log: [],
  found: new Map(),
}));

/** Names this page to the server; a reload is another page. */
export const languageClient = `page-${crypto.randomUUID()}`;

/** Whether the server answers now. */
export function isLanguageUp({ status }: LanguageState): boolean {
  return status.phase === 'indexing' || status.phase === 'ready';
}

const attached = new Emitter<void>();
/** The host knows this page again, after a lost connection too: it has none of its texts. */
export const onDidAttachLanguage: Event<void> = attached.event;

const LOG_LINES = 1000;
let nextLine = 1;

/** Keeps the store equal to what the server says. */
export function followLanguage(): Disposable {
  const owned = new DisposableStore();
  let isFirst = true;
  owned.add(
    followForever(
      (signal) => {
        isFirst = true;
        return studio.language.follow({ client: languageClient }, { signal });
      },
      (event) => {
        if (isFirst) {
          isFirst = false;
          useLanguage.setState({ log: [], found: new Map() });
          attached.fire();
        }
        switch (event.kind) {
          case 'status':
            useLanguage.setState({ status: event.status });
            break;
          case 'diagnostics':
            useLanguage.setState(({ found }) => ({ found: changed(found, event.path, event.diagnostics) }));
            break;
          case 'log': {
            const entry = { id: nextLine++, line: event.line };
            useLanguage.setState(({ log }) => ({ log: [...log.slice(1 - LOG_LINES), entry] }));
            break;
          }
        }
      },
    ),
  );
  owned.add({ dispose: useLanguage.subscribe(({ status }, before) => offer(status, before.status)) });
  return owned;
}

function changed(
  found: LanguageState['found'],
  path: string,
  diagnostics: readonly LanguageDiagnostic[],
): LanguageState['found'] {
  if (diagnostics.length === 0 && !found.has(path)) return found;
  const next = new Map(found);
  if (diagnostics.length === 0) next.delete(path);
  else next.set(path, diagnostics);
  return next;
}

const declined = new PersistedValue('language.declined');
let offered = false;

/** Once a visit, and never again where a person has said so. */
function offer(status: LanguageStatus, before: LanguageStatus): void {
  if (status.phase !== 'absent' || before.phase === 'absent' || offered) return;
  offered = true;
  void declined.read().then((value) => {
    if (value === true) return;
    notify({
      severity: 'info',
      key: 'language.offer',
      // It goes by itself: the status bar still says so.
      sticky: false,
      message: 'rust-analyzer would complete and explain Rust code here',
      detail: `It is not installed. To install it: ${status.error.fix}`,
      actions: [
        { title: 'Install', run: installLanguageServer },
        { title: 'Copy Command', run: () => navigator.clipboard.writeText(status.error.fix) },
        { title: 'Don’t Ask Again', run: () => declined.write(true) },
      ],
    });
  });
}

export async function installLanguageServer(): Promise<void> {
  try {
    const installed = await studio.language.install();
    if (installed.ok) notify({ severity: 'success', message: 'rust-analyzer is installed' });
    else notifyError(installed.error, [{ title: 'Try Again', run: installLanguageServer }]);
  } catch (thrown) {
    notify({ severity: 'error', message: 'The installation was lost', detail: messageOf(thrown) });
  }
}

export async function restartLanguageServer(): Promise<void> {
  await studio.language.restart();
}
