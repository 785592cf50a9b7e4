import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';

/** What we say of ourselves when a server starts: only what the studio really does, so that the server offers nothing else. */
export function initializeParams(root: string, projects: readonly string[]) {
  const uri = pathToFileURL(root).href;
  const dynamic = { dynamicRegistration: false };
  const markdown = ['markdown', 'plaintext'];
  return {
    processId: process.pid,
    clientInfo: { name: 'Ring0 Studio' },
    rootUri: uri,
    workspaceFolders: [{ uri, name: basename(root) }],
    capabilities: {
      general: { positionEncodings: ['utf-16'] },
      window: { workDoneProgress: true },
      workspace: { workspaceEdit: { documentChanges: true }, configuration: false, workspaceFolders: true },
      textDocument: {
        synchronization: { ...dynamic, didSave: false },
        publishDiagnostics: { versionSupport: true },
        hover: { ...dynamic, contentFormat: markdown },
        completion: {
          ...dynamic,
          contextSupport: true,
          completionItem: {
            snippetSupport: true,
            labelDetailsSupport: true,
            deprecatedSupport: true,
            preselectSupport: true,
            documentationFormat: markdown,
            resolveSupport: { properties: ['documentation', 'detail', 'additionalTextEdits'] },
          },
        },
        signatureHelp: {
          ...dynamic,
          signatureInformation: {
            documentationFormat: markdown,
            activeParameterSupport: true,
            parameterInformation: { labelOffsetSupport: true },
          },
        },
        definition: { ...dynamic, linkSupport: true },
        declaration: { ...dynamic, linkSupport: true },
        typeDefinition: { ...dynamic, linkSupport: true },
        implementation: { ...dynamic, linkSupport: true },
        references: dynamic,
        rename: { ...dynamic, prepareSupport: true },
        documentSymbol: { ...dynamic, hierarchicalDocumentSymbolSupport: true },
        formatting: dynamic,
        codeAction: {
          ...dynamic,
          isPreferredSupport: true,
          dataSupport: true,
          resolveSupport: { properties: ['edit'] },
          codeActionLiteralSupport: {
            codeActionKind: {
              valueSet: [
                '',
                'quickfix',
                'refactor',
                'refactor.extract',
                'refactor.inline',
                'refactor.rewrite',
                'source',
              ],
            },
          },
        },
      },
      experimental: { serverStatusNotification: true },
    },
    // rust-analyzer's own settings, as its manual names them.
    initializationOptions: {
      linkedProjects: projects,
      // The studio's build says what the compiler thinks, with the flags that the image is built with.
      checkOnSave: false,
      cargo: {
        // Its own folder under target/: it neither waits for our builds nor makes them wait.
        targetDir: true,
        allTargets: false,
      },
      completion: { fullFunctionSignatures: { enable: false } },
    },
  };
}
