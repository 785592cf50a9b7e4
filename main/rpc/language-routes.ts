import { implement } from '@orpc/server';
import type { LanguageEvent, LanguageService } from '../../app/contract/language.ts';
import { studioContract } from '../../app/contract/studio.ts';
import { follow } from './follow.ts';

const DONE = { ok: true as const };

/** What answers for the language server. A page is known to it for as long as it follows. */
export function languageRoutes(language: LanguageService) {
  const os = implement(studioContract.language);
  return os.router({
    follow: os.follow.handler(async function* ({ input, signal }): AsyncGenerator<LanguageEvent> {
      const attached = language.attach(input.client);
      try {
        yield* follow(language.onDidChange, signal, () => [
          ...language.log.map((line) => ({ kind: 'log' as const, line })),
          { kind: 'status' as const, status: language.status },
          ...language.diagnostics(),
        ]);
      } finally {
        attached.dispose();
      }
    }),
    sync: os.sync.handler(({ input }) => {
      language.sync(input);
      return DONE;
    }),
    hover: os.hover.handler(({ input, signal }) => language.hover(input, { signal })),
    complete: os.complete.handler(({ input: { trigger, ...at }, signal }) =>
      language.complete(at, trigger, { signal }),
    ),
    resolveCompletion: os.resolveCompletion.handler(({ input, signal }) =>
      language.resolveCompletion(input, { signal }),
    ),
    signature: os.signature.handler(({ input, signal }) => language.signature(input, { signal })),
    definition: os.definition.handler(({ input: { kind, ...at }, signal }) =>
      language.definition(at, kind, { signal }),
    ),
    references: os.references.handler(({ input, signal }) => language.references(input, { signal })),
    prepareRename: os.prepareRename.handler(({ input, signal }) => language.prepareRename(input, { signal })),
    rename: os.rename.handler(({ input: { newName, ...at }, signal }) => language.rename(at, newName, { signal })),
    symbols: os.symbols.handler(({ input, signal }) => language.symbols(input, { signal })),
    workspaceSymbols: os.workspaceSymbols.handler(({ input, signal }) =>
      language.workspaceSymbols(input.client, input.query, { signal }),
    ),
    format: os.format.handler(({ input, signal }) => language.format(input, { signal })),
    actions: os.actions.handler(({ input: { range, ...file }, signal }) => language.actions(file, range, { signal })),
    resolveAction: os.resolveAction.handler(({ input, signal }) => language.resolveAction(input, { signal })),
    source: os.source.handler(({ input }) => language.source(input.path)),
    restart: os.restart.handler(() => {
      language.restart();
      return DONE;
    }),
    install: os.install.handler(async () => {
      const installed = await language.install();
      return installed.ok ? DONE : installed;
    }),
  });
}
