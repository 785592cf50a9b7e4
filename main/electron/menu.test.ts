import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MenuItemConstructorOptions } from 'electron';
import { expect, test } from 'vitest';
import { menuTemplate } from './menu.ts';

test('every item of the menu does something, by a command of the page or by itself', () => {
  const commands: string[] = [];
  const actions = { command: (id: string) => void commands.push(id), openFolder: () => void commands.push('folder') };
  const visit = (items: MenuItemConstructorOptions[]) => {
    for (const item of items) {
      if (Array.isArray(item.submenu)) visit(item.submenu);
      else if (item.type !== 'separator' && item.role === undefined) (item.click as () => void)();
    }
  };
  visit(menuTemplate(actions, 'linux'));
  expect(commands).toContain('machine.run');
  expect(commands).toContain('folder');
  expect(new Set(commands).size).toBe(commands.length);
  // By ids that the page knows: a menu that asks for something else does nothing, and nobody is told.
  const page = readSources(join(import.meta.dirname, '..', '..', 'renderer'));
  const unknown = commands.filter((id) => id !== 'folder' && !page.includes(`'${id}'`));
  expect(unknown).toEqual([]);
});

function readSources(path: string): string {
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((name) => /\.tsx?$/.test(name));
  return names.map((name) => readFileSync(join(path, name), 'utf8')).join('\n');
}
