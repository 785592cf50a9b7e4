import { readFile, stat } from 'node:fs/promises';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { z } from 'zod';
import type { LongOperation } from '../../../app/base/cancel.ts';
import { type Disposable, toDisposable } from '../../../app/base/disposable.ts';
import { Emitter } from '../../../app/base/event.ts';
import { type AppError, fail, messageOf, ok, type Result } from '../../../app/base/result.ts';
import { EXTERNAL, isExternal } from '../../../app/contract/external.ts';
import type {
  CodeActionList,
  CodeSymbol,
  CompletionExtra,
  CompletionList,
  DefinitionKind,
  Edit,
  FileEdit,
  FoundServer,
  FoundSymbol,
  Hover,
  LanguageEvent,
  LanguagePosition,
  LanguageService,
  LanguageStatus,
  Listed,
  Place,
  Range,
  SignatureHelp,
  SyncRequest,
} from '../../../app/contract/language.ts';
import { MAX_TEXT_BYTES } from '../../../app/contract/workspace.ts';
import * as lsp from '../../../app/wire/lsp.ts';
import { runProcess } from '../../process/index.ts';
import { OVERTAKEN, ServerError } from './connection.ts';
import { findCargoProjects } from './projects.ts';
import { LanguageServer, phaseText } from './server.ts';
import { type TextChange, Texts } from './texts.ts';

export interface RustLanguageOptions {
  /** The folder that is open, without symbolic links. */
  readonly root: string;
  readonly find: () => Promise<Result<FoundServer>>;
  /** The command that installs it. */
  readonly installation: readonly [string, ...string[]];
  readonly delaysMs?: readonly number[] | undefined;
}

type File = { readonly client: string; readonly path: string };

/** Most actions and completions that wait to be resolved are those of the last list of each page. */
interface Lists {
  readonly number: number;
  readonly raw: readonly unknown[];
}

/** The log that a page sees when it comes. */
const LOG_LINES = 400;
const MAX_EXTERNAL = 10_000;
const INSTALL_MS = 10 * 60_000;

/** rust-analyzer for every page of one workspace. */
export class RustLanguage implements LanguageService {
  readonly #root: string;
  readonly #installation: readonly [string, ...string[]];
  readonly #server: LanguageServer;
  readonly #texts = new Texts();
  readonly #events = new Emitter<LanguageEvent>();
  readonly #diagnostics = new Map<string, Extract<LanguageEvent, { kind: 'diagnostics' }>>();
  readonly #completions = new Map<string, Lists>();
  readonly #actions = new Map<string, Lists>();
  /** Files outside of the workspace that the server has named: these may be read, and no others. */
  readonly #external = new Set<string>();
  readonly log: string[] = [];
  #lists = 0;
  #enabled = true;
  /** It runs build scripts and macros of the folder, and whatever its rust-toolchain.toml names. */
  #trusted = true;
  /** A page has had a Rust file open. */
  #wanted = false;

  readonly onDidChange = this.#events.event;

  constructor({ root, find, installation, delaysMs }: RustLanguageOptions) {
    this.#root = root;
    this.#installation = installation;
    this.#server = new LanguageServer({
      root,
      find,
      projects: () => findCargoProjects(root),
      delaysMs,
      onStatus: (status) => {
        if (status.phase === 'starting' || status.phase === 'idle') this.#forgetDiagnostics();
        if (status.phase !== 'indexing') this.#note(`— ${phaseText(status)}`);
        this.#events.fire({ kind: 'status', status });
      },
      onNotification: (method, params) => this.#take(method, params),
      onLog: (line) => this.#note(line),
      onUp: () => this.#tell(this.#texts.all()),
    });
  }

  get status(): LanguageStatus {
    return this.#server.status;
  }

  diagnostics() {
    return [...this.#diagnostics.values()];
  }

  /** Whether a server is wanted at all. */
  setEnabled(enabled: boolean): void {
    if (enabled === this.#enabled) return;
    this.#enabled = enabled;
    if (!enabled) this.#server.stop('it is switched off in the settings');
    else if (this.#wanted) this.restart();
  }

  /** Whether what the folder brings may be run. */
  setTrusted(trusted: boolean): void {
    if (trusted === this.#trusted) return;
    this.#trusted = trusted;
    if (this.#wanted) this.restart();
  }

  attach(client: string): Disposable {
    this.#texts.attach(client);
    return toDisposable(() => {
      this.#completions.delete(client);
      this.#actions.delete(client);
      this.#tell(this.#texts.detach(client));
    });
  }

  sync(request: SyncRequest): void {
    const changes = this.#texts.sync(request);
    if (!this.#texts.has(request.client)) return;
    if (request.text !== null && !this.#wanted) {
      this.#wanted = true;
      this.restart();
    }
    this.#tell(changes);
  }

  hover(at: LanguagePosition, options?: LongOperation): Promise<Result<Hover>> {
    return this.#ask(at, 'textDocument/hover', this.#position(at), options, null, lsp.hoverFromLsp);
  }

  complete(at: LanguagePosition, trigger: string | null, options?: LongOperation): Promise<Result<CompletionList>> {
    const context = trigger === null ? { triggerKind: 1 } : { triggerKind: 2, triggerCharacter: trigger };
    const params = { ...this.#position(at), context };
    const none = { list: 0, incomplete: false, items: [] };
    return this.#ask(at, 'textDocument/completion', params, options, none, (answer) => {
      const { items, incomplete, raw } = lsp.completionsFromLsp(answer);
      return { list: this.#keep(this.#completions, at.client, raw), incomplete, items };
    });
  }

  resolveCompletion(item: Listed, options?: LongOperation): Promise<Result<CompletionExtra>> {
    const none = { documentation: '', detail: '', edits: [] };
    const raw = listed(this.#completions, item);
    if (raw === undefined) return Promise.resolve(ok(none));
    return this.#ask(null, 'completionItem/resolve', raw, options, none, lsp.completionExtraFromLsp);
  }

  signature(at: LanguagePosition, options?: LongOperation): Promise<Result<SignatureHelp>> {
    return this.#ask(at, 'textDocument/signatureHelp', this.#position(at), options, null, lsp.signatureFromLsp);
  }

  definition(at: LanguagePosition, kind: DefinitionKind, options?: LongOperation): Promise<Result<Place[]>> {
    return this.#ask(at, `textDocument/${kind}`, this.#position(at), options, [], (answer) =>
      lsp.placesFromLsp(answer, this.#pathOf),
    );
  }

  references(at: LanguagePosition, options?: LongOperation): Promise<Result<Place[]>> {
    const params = { ...this.#position(at), context: { includeDeclaration: true } };
    return this.#ask(at, 'textDocument/references', params, options, [], (answer) =>
      lsp.placesFromLsp(answer, this.#pathOf),
    );
  }

  prepareRename(at: LanguagePosition, options?: LongOperation): Promise<Result<Range | null>> {
    return this.#ask(at, 'textDocument/prepareRename', this.#position(at), options, null, lsp.renameRangeFromLsp);
  }

  rename(at: LanguagePosition, newName: string, options?: LongOperation): Promise<Result<FileEdit[]>> {
    return this.#ask(at, 'textDocument/rename', { ...this.#position(at), newName }, options, [], (answer) =>
      lsp.workspaceEditFromLsp(answer, this.#insideOf),
    );
  }

  symbols(file: File, options?: LongOperation): Promise<Result<CodeSymbol[]>> {
    const params = { textDocument: { uri: this.#uriOf(file.path) } };
    return this.#ask(file, 'textDocument/documentSymbol', params, options, [], (answer) =>
      // Every `let` would be one.
      lsp.symbolsFromLsp(answer).filter(({ kind }) => kind !== 'variable'),
    );
  }

  workspaceSymbols(_client: string, query: string, options?: LongOperation): Promise<Result<FoundSymbol[]>> {
    return this.#ask(null, 'workspace/symbol', { query }, options, [], (answer) =>
      lsp.foundSymbolsFromLsp(answer, this.#pathOf),
    );
  }

  format(file: File, options?: LongOperation): Promise<Result<Edit[]>> {
    const params = {
      textDocument: { uri: this.#uriOf(file.path) },
      options: { tabSize: 4, insertSpaces: true },
    };
    return this.#ask(file, 'textDocument/formatting', params, options, [], lsp.editsFromLsp);
  }

  actions(file: File, range: Range, options?: LongOperation): Promise<Result<CodeActionList>> {
    const params = {
      textDocument: { uri: this.#uriOf(file.path) },
      range: lsp.rangeToLsp(range),
      context: { diagnostics: [] },
    };
    return this.#ask(file, 'textDocument/codeAction', params, options, { list: 0, actions: [] }, (answer) => {
      const raw = (z.array(z.unknown()).nullable().parse(answer) ?? []).slice(0, 200);
      const actions = raw.map((each) => {
        const { title, kind, isPreferred } = lsp.codeActionFromLsp.parse(each);
        return { title, kind: kind ?? '', preferred: isPreferred === true };
      });
      return { list: this.#keep(this.#actions, file.client, raw), actions };
    });
  }

  async resolveAction(action: Listed, options?: LongOperation): Promise<Result<FileEdit[]>> {
    const raw = listed(this.#actions, action);
    if (raw === undefined) return ok([]);
    const { edit } = lsp.codeActionFromLsp.parse(raw);
    if (edit !== undefined && edit !== null) return ok(lsp.workspaceEditFromLsp(edit, this.#insideOf));
    return this.#ask(null, 'codeAction/resolve', raw, options, [], (answer) =>
      lsp.workspaceEditFromLsp(lsp.codeActionFromLsp.parse(answer).edit ?? null, this.#insideOf),
    );
  }

  async source(path: string): Promise<Result<string>> {
    const file = path.slice(EXTERNAL.length);
    const refused = (why: string) => fail('external-file', `${file} cannot be shown.`, why, '');
    if (!this.#external.has(file)) return refused('the language server has not named it');
    try {
      const { size } = await stat(file);
      if (size > MAX_TEXT_BYTES)
        return refused(`it has ${size} bytes, more than the ${MAX_TEXT_BYTES} that are opened`);
      return ok(await readFile(file, 'utf8'));
    } catch (thrown) {
      return refused(messageOf(thrown));
    }
  }

  restart(): void {
    if (!this.#enabled) return;
    if (this.#trusted) this.#server.restart();
    else this.#server.restrict();
  }

  async install(): Promise<Result<void>> {
    const [command, ...args] = this.#installation;
    // rustup obeys the folder's rust-toolchain.toml.
    if (!this.#trusted)
      return fail('untrusted', 'rust-analyzer was not installed.', 'the folder is not trusted', 'Trust it first.');
    this.#server.setInstalling();
    const run = await runProcess(command, args, { cwd: this.#root, timeoutMs: INSTALL_MS, guard: true });
    this.restart();
    if (!run.ok) return run;
    if (run.value.code === 0) return ok();
    const why = run.value.timedOut ? 'it took longer than ten minutes' : run.value.stderr.trim().slice(-600);
    return fail(
      'install-failed',
      'rust-analyzer was not installed.',
      why,
      `Run it in a terminal: ${this.#installation.join(' ')}`,
    );
  }

  dispose(): void {
    this.#server.dispose();
    this.#events.dispose();
  }

  /**
   * A question to the server. What it has not got yet (it is still reading, the text has moved on) is `none`; what went wrong is an
   * error. An answer that is no LSP is an error too, and never more than that.
   */
  async #ask<T>(
    file: File | null,
    method: string,
    params: unknown,
    options: LongOperation | undefined,
    none: T,
    read: (answer: unknown) => T,
  ): Promise<Result<T>> {
    if (!this.#server.isUp) return { ok: false, error: this.#unavailable() };
    if (file !== null) this.#tell(this.#texts.prefer(file.client, file.path));
    try {
      return ok(read(await this.#server.request(method, params, options?.signal)));
    } catch (thrown) {
      if (thrown instanceof ServerError && OVERTAKEN.has(thrown.code)) return ok(none);
      const why = thrown instanceof z.ZodError ? `its answer to ${method} is no LSP` : messageOf(thrown);
      return fail('language-server', 'The language server did not do it.', why, '');
    }
  }

  #unavailable(): AppError {
    const status = this.status;
    if (status.phase === 'absent') return status.error;
    return {
      code: 'no-language-server',
      what: 'No language server runs.',
      why: phaseText(status),
      fix: 'Open a Rust file, or run the command "Restart Language Server".',
    };
  }

  #position({ path, line, column }: LanguagePosition) {
    return { textDocument: { uri: this.#uriOf(path) }, position: lsp.positionToLsp(line, column) };
  }

  #tell(changes: readonly TextChange[]): void {
    for (const change of changes) {
      const uri = this.#uriOf(change.path);
      if (change.kind === 'close') this.#server.notify('textDocument/didClose', { textDocument: { uri } });
      else if (change.kind === 'open')
        this.#server.notify('textDocument/didOpen', {
          textDocument: { uri, languageId: 'rust', version: change.version, text: change.text },
        });
      else
        this.#server.notify('textDocument/didChange', {
          textDocument: { uri, version: change.version },
          contentChanges: [{ text: change.text }],
        });
    }
  }

  #take(method: string, params: unknown): void {
    if (method === 'textDocument/publishDiagnostics') {
      const parsed = z.object({ uri: z.string(), diagnostics: z.array(z.unknown()) }).safeParse(params);
      const path = parsed.success ? this.#insideOf(parsed.data.uri) : null;
      if (path === null || !parsed.success) return;
      try {
        const diagnostics = lsp.diagnosticsFromLsp(parsed.data.diagnostics);
        const event = { kind: 'diagnostics' as const, path, diagnostics };
        if (diagnostics.length === 0) this.#diagnostics.delete(path);
        else this.#diagnostics.set(path, event);
        this.#events.fire(event);
      } catch (thrown) {
        this.#note(`diagnostics of ${path} were not understood: ${messageOf(thrown)}`);
      }
    } else if (method === 'window/logMessage' || method === 'window/showMessage') {
      const parsed = z.object({ message: z.string() }).safeParse(params);
      if (parsed.success) this.#note(parsed.data.message);
    }
  }

  #forgetDiagnostics(): void {
    const paths = [...this.#diagnostics.keys()];
    this.#diagnostics.clear();
    for (const path of paths) this.#events.fire({ kind: 'diagnostics', path, diagnostics: [] });
  }

  #note(text: string): void {
    for (const line of text.split('\n').slice(0, 40)) {
      const short = line.slice(0, 1000);
      this.log.push(short);
      this.#events.fire({ kind: 'log', line: short });
    }
    this.log.splice(0, this.log.length - LOG_LINES);
  }

  #keep(lists: Map<string, Lists>, client: string, raw: readonly unknown[]): number {
    this.#lists += 1;
    lists.set(client, { number: this.#lists, raw });
    return this.#lists;
  }

  #uriOf(path: string): string {
    return pathToFileURL(resolve(this.#root, path)).href;
  }

  /** The workspace path of a URI; null for all else. */
  readonly #insideOf = (uri: string): string | null => {
    const path = this.#pathOf(uri);
    return path === null || isExternal(path) ? null : path;
  };

  readonly #pathOf = (uri: string): string | null => {
    if (!uri.startsWith('file:')) return null;
    let file: string;
    try {
      file = fileURLToPath(uri);
    } catch {
      return null;
    }
    const inside = relative(this.#root, file);
    if (inside !== '' && !inside.startsWith('..') && !isAbsolute(inside)) return inside.split(sep).join('/');
    if (this.#external.size < MAX_EXTERNAL) this.#external.add(file);
    return `${EXTERNAL}${file}`;
  };
}

function listed(lists: ReadonlyMap<string, Lists>, { client, list, index }: Listed): unknown {
  const kept = lists.get(client);
  return kept?.number === list ? kept.raw[index] : undefined;
}
