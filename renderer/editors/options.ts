import type { Settings } from '../../app/contract/settings.ts';
import type { monaco } from './monaco.ts';

type Options = NonNullable<Parameters<typeof monaco.editor.create>[1]>;

export const EDITOR_FONT =
  'ui-monospace, "JetBrains Mono", "Cascadia Mono", "SF Mono", Menlo, "DejaVu Sans Mono", "Liberation Mono", monospace';

/** What the settings mean for every text editor, that of changes included. */
export function editorOptions(settings: Settings): Options {
  return {
    automaticLayout: true,
    fontSize: settings.editorFontSize,
    fontFamily: settings.editorFontFamily === '' ? EDITOR_FONT : settings.editorFontFamily,
    lineHeight: 1.5,
    tabSize: settings.editorTabSize,
    detectIndentation: true,
    wordWrap: settings.editorWordWrap ? 'on' : 'off',
    minimap: { enabled: settings.editorMinimap },
    rulers: settings.editorRulers,
    cursorSmoothCaretAnimation: 'off',
    smoothScrolling: false,
    scrollBeyondLastLine: false,
    padding: { top: 8, bottom: 8 },
    renderLineHighlight: 'all',
    renderLineHighlightOnlyWhenFocus: true,
    // Monaco keeps this one with its models, and finds it by its flat name only.
    ...({ 'bracketPairColorization.enabled': false } as object),
    guides: { indentation: true, bracketPairs: false },
    stickyScroll: { enabled: true, maxLineCount: 3 },
    scrollbar: { verticalScrollbarSize: 10, horizontalScrollbarSize: 10, useShadows: false },
    overviewRulerBorder: false,
    lineNumbersMinChars: 4,
    fixedOverflowWidgets: true,
    unicodeHighlight: { ambiguousCharacters: false },
    wordBasedSuggestions: 'currentDocument',
    accessibilitySupport: 'auto',
  };
}
