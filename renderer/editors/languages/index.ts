import type { Monaco } from '../monaco.ts';
import { assembly, assemblyConfiguration } from './assembly.ts';
import { linkerConfiguration, linkerScript } from './linker-script.ts';
import { toml, tomlConfiguration } from './toml.ts';

/** The grammars that Monaco does not bring: x86 assembly, GNU linker scripts, TOML. */
export function registerLanguages(monaco: Monaco): void {
  monaco.languages.register({
    id: 'x86asm',
    aliases: ['x86 Assembly', 'asm'],
    extensions: ['.s', '.S', '.asm', '.nasm', '.inc'],
  });
  monaco.languages.setMonarchTokensProvider('x86asm', assembly);
  monaco.languages.setLanguageConfiguration('x86asm', assemblyConfiguration);

  monaco.languages.register({ id: 'linkerscript', aliases: ['Linker Script'], extensions: ['.ld', '.lds', '.x'] });
  monaco.languages.setMonarchTokensProvider('linkerscript', linkerScript);
  monaco.languages.setLanguageConfiguration('linkerscript', linkerConfiguration);

  monaco.languages.register({ id: 'toml', aliases: ['TOML'], extensions: ['.toml'], filenames: ['Cargo.lock'] });
  monaco.languages.setMonarchTokensProvider('toml', toml);
  monaco.languages.setLanguageConfiguration('toml', tomlConfiguration);
}
