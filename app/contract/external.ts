/**
 * Files that a language server names and that lie outside of the workspace, such as the standard library: this and the absolute path.
 * In a file of its own, so that the page gets it without the schemas.
 */
export const EXTERNAL = 'external:';

export function isExternal(path: string): boolean {
  return path.startsWith(EXTERNAL);
}
