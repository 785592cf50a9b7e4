const BY_NAME: Readonly<Record<string, string>> = { 'Cargo.lock': 'lock', 'package-lock.json': 'lock', LICENSE: 'law' };

const BY_EXTENSION: Readonly<Record<string, string>> = {
  rs: 'file-code',
  ts: 'file-code',
  tsx: 'file-code',
  mjs: 'file-code',
  s: 'chip',
  asm: 'chip',
  ld: 'layers',
  json: 'json',
  toml: 'settings',
  md: 'markdown',
  py: 'python',
  gguf: 'package',
  bin: 'file-binary',
  png: 'file-media',
  svg: 'file-media',
  sh: 'terminal',
};

/** A codicon for a file, by its name. */
export function fileIcon(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const extension = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  return BY_NAME[name] ?? BY_EXTENSION[extension] ?? 'file';
}
