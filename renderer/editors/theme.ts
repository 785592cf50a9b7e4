import type { editor } from 'monaco-editor/editor';
import type { Monaco } from './monaco.ts';

/** What renderer/theme/tokens.css says, for Monaco, which takes no CSS variables. Keep the two alike. */
interface Palette {
  readonly base: editor.BuiltinTheme;
  readonly editor: string;
  readonly raised: string;
  readonly input: string;
  readonly hover: string;
  readonly border: string;
  readonly borderStrong: string;
  readonly foreground: string;
  readonly muted: string;
  readonly faint: string;
  readonly accent: string;
  readonly selection: string;
  readonly selected: string;
  readonly focus: string;
  readonly error: string;
  readonly warning: string;
  readonly info: string;
  readonly match: string;
  readonly added: string;
  readonly removed: string;
  readonly code: {
    readonly comment: string;
    readonly keyword: string;
    readonly control: string;
    readonly string: string;
    readonly number: string;
    readonly type: string;
    readonly variable: string;
    readonly macro: string;
  };
}

const DARK: Palette = {
  base: 'vs-dark',
  editor: '#1b1d21',
  raised: '#24272d',
  input: '#101215',
  hover: '#23262c',
  border: '#2a2d33',
  borderStrong: '#3a3e46',
  foreground: '#d4d7dd',
  muted: '#a2a8b3',
  faint: '#6b727d',
  accent: '#5aa7f7',
  selection: '#2b4565',
  selected: '#2a2e35',
  focus: '#5aa7f7',
  error: '#f4797c',
  warning: '#e0b055',
  info: '#6cb2f5',
  match: '#5b4b1e',
  added: '#2f5a3d66',
  removed: '#6b2f3366',
  code: {
    comment: '#838b97',
    keyword: '#c792ea',
    control: '#e58ab0',
    string: '#a5cf86',
    number: '#e8a26b',
    type: '#5fc4cf',
    variable: '#86b7f2',
    macro: '#d9bb70',
  },
};

const LIGHT: Palette = {
  base: 'vs',
  editor: '#ffffff',
  raised: '#ffffff',
  input: '#ffffff',
  hover: '#e9ebee',
  border: '#dcdfe4',
  borderStrong: '#c3c8d0',
  foreground: '#2a2e35',
  muted: '#555c67',
  faint: '#8b929d',
  accent: '#0a5fbd',
  selection: '#cfe3fa',
  selected: '#e0e4e9',
  focus: '#0a66c9',
  error: '#b8252b',
  warning: '#805500',
  info: '#0a5fbd',
  match: '#ffe9a8',
  added: '#d4f0dc99',
  removed: '#fbdcdc99',
  code: {
    comment: '#626a76',
    keyword: '#7c2fa8',
    control: '#a8265f',
    string: '#2f6f17',
    number: '#974700',
    type: '#00687a',
    variable: '#0a52a8',
    macro: '#7a5600',
  },
};

const CONTRAST: Palette = {
  base: 'hc-black',
  editor: '#000000',
  raised: '#000000',
  input: '#000000',
  hover: '#1f1f1f',
  border: '#7f8fa0',
  borderStrong: '#b9c6d3',
  foreground: '#ffffff',
  muted: '#e4e8ec',
  faint: '#d2d8de',
  accent: '#6fc3ff',
  selection: '#00529c',
  selected: '#00315c',
  focus: '#ffb938',
  error: '#ff9a9a',
  warning: '#ffd566',
  info: '#8ccfff',
  match: '#5c4700',
  added: '#00551f99',
  removed: '#6b000099',
  code: {
    comment: '#b5c4ae',
    keyword: '#d9a8ff',
    control: '#ff9ecb',
    string: '#b4f08e',
    number: '#ffc27d',
    type: '#7ff0ff',
    variable: '#a6d1ff',
    macro: '#ffe08a',
  },
};

function theme(palette: Palette): editor.IStandaloneThemeData {
  const { code } = palette;
  const rule = (token: string, foreground: string, fontStyle?: string) => ({
    token,
    foreground: foreground.slice(1),
    ...(fontStyle === undefined ? {} : { fontStyle }),
  });
  return {
    base: palette.base,
    inherit: true,
    rules: [
      rule('', palette.foreground),
      rule('comment', code.comment),
      rule('keyword', code.keyword),
      rule('keyword.control', code.control),
      rule('keyword.system', code.control, 'bold'),
      rule('keyword.directive', code.macro),
      rule('string', code.string),
      rule('string.escape', code.number),
      rule('string.key.json', code.variable),
      rule('string.value.json', code.string),
      rule('number', code.number),
      rule('number.hex', code.number),
      rule('number.binary', code.number),
      rule('number.octal', code.number),
      rule('number.float', code.number),
      rule('type', code.type),
      rule('type.identifier', code.type),
      rule('tag', code.type),
      rule('variable', code.variable),
      rule('variable.predefined', code.variable),
      rule('variable.parameter', code.macro),
      rule('attribute', code.macro),
      rule('annotation', code.macro),
      rule('meta', code.macro),
      rule('delimiter', palette.muted),
      rule('operator', palette.muted),
    ],
    colors: {
      'editor.background': palette.editor,
      'editor.foreground': palette.foreground,
      'editorLineNumber.foreground': palette.faint,
      'editorLineNumber.activeForeground': palette.foreground,
      'editor.selectionBackground': palette.selection,
      'editor.inactiveSelectionBackground': palette.selected,
      'editor.lineHighlightBackground': `${palette.hover}80`,
      'editor.lineHighlightBorder': '#00000000',
      'editor.findMatchBackground': palette.match,
      'editor.findMatchHighlightBackground': `${palette.match}b0`,
      'editor.wordHighlightBackground': palette.selected,
      'editorCursor.foreground': palette.accent,
      'editorWhitespace.foreground': palette.borderStrong,
      'editorIndentGuide.background1': palette.border,
      'editorIndentGuide.activeBackground1': palette.borderStrong,
      'editorBracketMatch.background': palette.selected,
      'editorBracketMatch.border': palette.borderStrong,
      'editorGutter.background': palette.editor,
      'editorWidget.background': palette.raised,
      'editorWidget.border': palette.borderStrong,
      'editorSuggestWidget.selectedBackground': palette.selected,
      'editorHoverWidget.background': palette.raised,
      'editorHoverWidget.border': palette.borderStrong,
      'editorError.foreground': palette.error,
      'editorWarning.foreground': palette.warning,
      'editorInfo.foreground': palette.info,
      'editorOverviewRuler.border': '#00000000',
      'editorStickyScroll.background': palette.editor,
      'editorStickyScrollHover.background': palette.hover,
      'editorStickyScroll.border': palette.border,
      'diffEditor.insertedTextBackground': palette.added,
      'diffEditor.removedTextBackground': palette.removed,
      'diffEditor.insertedLineBackground': palette.added,
      'diffEditor.removedLineBackground': palette.removed,
      'diffEditor.border': palette.border,
      'input.background': palette.input,
      'input.border': palette.borderStrong,
      focusBorder: palette.focus,
      'list.hoverBackground': palette.hover,
      'list.activeSelectionBackground': palette.selection,
      'list.activeSelectionForeground': palette.foreground,
      'menu.background': palette.raised,
      'menu.border': palette.borderStrong,
      'menu.selectionBackground': palette.selected,
      'widget.shadow': '#00000055',
      'scrollbar.shadow': '#00000000',
      'scrollbarSlider.background': `${palette.faint}40`,
      'scrollbarSlider.hoverBackground': `${palette.faint}70`,
      'scrollbarSlider.activeBackground': `${palette.faint}90`,
    },
  };
}

export function defineThemes(monaco: Monaco): void {
  monaco.editor.defineTheme('ring0-dark', theme(DARK));
  monaco.editor.defineTheme('ring0-light', theme(LIGHT));
  monaco.editor.defineTheme('ring0-high-contrast', theme(CONTRAST));
}
