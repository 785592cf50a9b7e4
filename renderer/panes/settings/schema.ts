import { z } from 'zod';
import { DEFAULT_SETTINGS, type Settings, SettingsSchema } from '../../../app/contract/settings.ts';

/** How one setting is drawn, as its schema says. */
export interface SettingField {
  readonly key: Exclude<keyof Settings, 'keybindings'>;
  readonly title: string;
  readonly description: string;
  readonly group: string;
  readonly shape:
    | { readonly kind: 'switch' }
    | { readonly kind: 'choice'; readonly choices: readonly string[] }
    | { readonly kind: 'number'; readonly minimum: number; readonly maximum: number; readonly step: number }
    | { readonly kind: 'text' }
    | { readonly kind: 'numbers' };
}

const JsonPropertySchema = z.object({
  type: z.string().optional(),
  enum: z.array(z.string()).optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  description: z.string().optional(),
});

/** `editorFontSize` → `Editor font size`. */
export function titleOf(key: string): string {
  const words = key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return (words[0] ?? '').toUpperCase() + words.slice(1);
}

function groupOf(key: string): string {
  if (['theme', 'zoom', 'reducedMotion'].includes(key)) return 'Appearance';
  if (key.startsWith('editor') || ['formatOnSave', 'autoSave', 'rustAnalyzer'].includes(key)) return 'Editor';
  return 'Build and machine';
}

export const GROUPS: readonly string[] = ['Appearance', 'Editor', 'Build and machine'];

/** Settings that nothing in the page obeys yet are not shown. */
const OBEYED: ReadonlySet<string> = new Set([
  'theme',
  'zoom',
  'reducedMotion',
  'editorFontSize',
  'editorFontFamily',
  'editorTabSize',
  'editorWordWrap',
  'editorMinimap',
  'editorRulers',
  'autoSave',
  'formatOnSave',
  'rustAnalyzer',
  'workspaceTrust',
  'buildOnSave',
  'serialScrollbackLines',
  'terminalScrollbackLines',
  'profile',
  'model',
]);

/** Every setting but the keys, in the schema's order. */
export function settingFields(): SettingField[] {
  const { properties } = z
    .object({ properties: z.record(z.string(), JsonPropertySchema) })
    .parse(z.toJSONSchema(SettingsSchema, { io: 'input' }));
  return Object.entries(properties).flatMap(([key, property]) => {
    if (!OBEYED.has(key) || !(key in DEFAULT_SETTINGS)) return [];
    const field = {
      key: key as SettingField['key'],
      title: titleOf(key),
      description: property.description ?? '',
      group: groupOf(key),
    };
    return [{ ...field, shape: shapeOf(property) }];
  });
}

function shapeOf(property: z.infer<typeof JsonPropertySchema>): SettingField['shape'] {
  if (property.enum !== undefined) return { kind: 'choice', choices: property.enum };
  switch (property.type) {
    case 'boolean':
      return { kind: 'switch' };
    case 'integer':
      return {
        kind: 'number',
        minimum: property.minimum ?? 0,
        maximum: property.maximum ?? Number.MAX_SAFE_INTEGER,
        step: 1,
      };
    case 'number':
      return {
        kind: 'number',
        minimum: property.minimum ?? 0,
        maximum: property.maximum ?? Number.MAX_SAFE_INTEGER,
        step: 0.1,
      };
    case 'array':
      return { kind: 'numbers' };
    default:
      return { kind: 'text' };
  }
}

/** What a typed text means for a field; null if it means nothing. */
export function readValue(shape: SettingField['shape'], text: string): unknown {
  switch (shape.kind) {
    case 'number': {
      const value = Number(text);
      const isWhole = shape.step !== 1 || Number.isInteger(value);
      return text.trim() !== '' && isWhole && value >= shape.minimum && value <= shape.maximum ? value : null;
    }
    case 'numbers': {
      const values = text
        .split(/[\s,]+/)
        .filter((part) => part !== '')
        .map(Number);
      return values.length <= 8 && values.every((value) => Number.isInteger(value) && value >= 1 && value <= 400)
        ? values
        : null;
    }
    default:
      return text;
  }
}
