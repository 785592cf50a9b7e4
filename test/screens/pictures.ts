export const THEMES = ['Dark', 'Light', 'High Contrast'] as const;

export const SIZES = [
  { width: 1280, height: 800 },
  { width: 1920, height: 1080 },
] as const;

const slug = (text: string) => text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');

/** The picture of a pane, in docs/screens. */
export const fileName = (pane: string, theme: string, width: number) => `${slug(pane)}-${slug(theme)}-${width}.webp`;
