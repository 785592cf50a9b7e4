import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';

/** A window cannot be made smaller, in pixels. */
export const SMALLEST = { minWidth: 400, minHeight: 300 } as const;

const WindowStateSchema = z.object({
  x: z.number().int().optional(),
  y: z.number().int().optional(),
  width: z.number().int().min(SMALLEST.minWidth).max(20_000),
  height: z.number().int().min(SMALLEST.minHeight).max(20_000),
  maximized: z.boolean(),
});
export type WindowState = z.infer<typeof WindowStateSchema>;

/** Pixels of the screen's coordinates. */
export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export const FIRST_STATE: WindowState = { width: 1280, height: 800, maximized: false };
/** So much of a window must be on some screen for a person to get hold of it. */
const GRIP = 80;

/** The state of before, or that of a first start. */
export function readWindowState(path: string, screens: readonly Rectangle[]): WindowState {
  try {
    return placeOnScreen(WindowStateSchema.parse(JSON.parse(readFileSync(path, 'utf8'))), screens);
  } catch {
    return FIRST_STATE;
  }
}

/** A window on a screen that is not there any more goes to where the system puts new ones. */
export function placeOnScreen(state: WindowState, screens: readonly Rectangle[]): WindowState {
  const { x, y, width } = state;
  if (x === undefined || y === undefined) return state;
  const within = screens.some(
    (screen) =>
      x + width - GRIP > screen.x &&
      x + GRIP < screen.x + screen.width &&
      y >= screen.y &&
      y + GRIP < screen.y + screen.height,
  );
  return within ? state : { width, height: state.height, maximized: state.maximized };
}

/** Whole or not at all; a state that cannot be kept is no reason to complain. */
export function writeWindowState(path: string, state: WindowState): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.new`, JSON.stringify(state));
    renameSync(`${path}.new`, path);
  } catch {}
}
