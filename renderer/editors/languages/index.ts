import type { Monaco } from '../monaco.ts';
import { assembly, assemblyConfiguration, assemblyInRust } from './assembly.ts';
import { linkerConfiguration, linkerScript } from './linker-script.ts';
import { rust, rustConfiguration } from './rust.ts';
import { toml, tomlConfiguration } from './toml.ts';

/** The grammars that Monaco does not bring, x86 assembly, GNU linker scripts and TOML, and a Rust that knows assembly. */
export function registerLanguages(monaco: Monaco): void {
  monaco.languages.register({
    id: 'x86asm',
    aliases: ['x86 Assembly', 'asm'],
    extensions: ['.s', '.S', '.asm', '.nasm', '.inc'],
  });
  monaco.languages.setMonarchTokensProvider('x86asm', assembly);
  monaco.languages.setLanguageConfiguration('x86asm', assemblyConfiguration);

  monaco.languages.register({ id: 'x86asm-in-rust' });
  monaco.languages.setMonarchTokensProvider('x86asm-in-rust', assemblyInRust);
  monaco.languages.register({ id: 'rust', aliases: ['Rust'], extensions: ['.rs'] });
  monaco.languages.setMonarchTokensProvider('rust', rust);
  monaco.languages.setLanguageConfiguration('rust', rustConfiguration);

  monaco.languages.register({ id: 'linkerscript', aliases: ['Linker Script'], extensions: ['.ld', '.lds', '.x'] });
  monaco.languages.setMonarchTokensProvider('linkerscript', linkerScript);
  monaco.languages.setLanguageConfiguration('linkerscript', linkerConfiguration);

  monaco.languages.register({ id: 'toml', aliases: ['TOML'], extensions: ['.toml'], filenames: ['Cargo.lock'] });
  monaco.languages.setMonarchTokensProvider('toml', toml);
  monaco.languages.setLanguageConfiguration('toml', tomlConfiguration);
}
