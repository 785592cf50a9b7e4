/** The Rust toolchain: stable, new enough, with LLVM's linker. Checked, never installed: that is the person's choice. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { findExecutable } from './system-packages.mjs';

/** kernel/Cargo.toml's rust-version. */
const MINIMUM = [1, 91];
const TARGET = 'x86_64-unknown-linux-gnu';
const RUSTUP =
  process.platform === 'win32'
    ? 'install it from https://rustup.rs (rustup-init.exe)'
    : "install it with:\n    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal --component clippy,rustfmt\nthen open a new shell, or add ~/.cargo/bin to PATH";

/**
 * rustup puts its programs in a folder that a shell opened before the installation, or a service manager, does not have
 * on its PATH. Adding it here spares people that surprise, in this process and its children.
 */
export function adoptCargoFolder() {
  if (findExecutable('rustc') !== undefined) return;
  const folder = join(process.env.CARGO_HOME ?? join(homedir(), '.cargo'), 'bin');
  if (existsSync(folder)) process.env.PATH = `${process.env.PATH ?? ''}${delimiter}${folder}`;
}

/** @returns {{ ok: true, version: string } | { ok: false, message: string }} */
export function checkRust() {
  adoptCargoFolder();
  const verbose = spawnSync('rustc', ['-vV'], { encoding: 'utf8' });
  if (verbose.error !== undefined || verbose.status !== 0) {
    const why =
      verbose.error?.code === 'ENOENT'
        ? 'rustc is not on the PATH'
        : (verbose.stderr || `${verbose.error?.message}`).trim();
    return { ok: false, message: `the Rust toolchain is missing (${why}); ${RUSTUP}` };
  }
  const release = /^release: (\d+)\.(\d+)\S*$/m.exec(verbose.stdout);
  const host = /^host: (\S+)$/m.exec(verbose.stdout)?.[1];
  if (release === null || host === undefined)
    return { ok: false, message: `\`rustc -vV\` said something unexpected:\n${verbose.stdout}` };
  const [major, minor] = [Number(release[1]), Number(release[2])];
  if (major < MINIMUM[0] || (major === MINIMUM[0] && minor < MINIMUM[1])) {
    return {
      ok: false,
      message: `Rust ${MINIMUM.join('.')} or later is needed, this is ${major}.${minor}; update it with:\n    rustup update stable`,
    };
  }
  const cargo = spawnSync('cargo', ['--version'], { encoding: 'utf8' });
  if (cargo.status !== 0) return { ok: false, message: `cargo is missing; ${RUSTUP}` };
  const sysroot = spawnSync('rustc', ['--print', 'sysroot'], { encoding: 'utf8' }).stdout.trim();
  const lld = join(sysroot, 'lib', 'rustlib', host, 'bin', process.platform === 'win32' ? 'rust-lld.exe' : 'rust-lld');
  if (!existsSync(lld)) {
    return {
      ok: false,
      message: `this Rust has no rust-lld (looked for ${lld}), which links the kernel. rustup's toolchains have it; ${RUSTUP}`,
    };
  }
  if (!existsSync(join(sysroot, 'lib', 'rustlib', TARGET, 'lib'))) {
    return {
      ok: false,
      message: `Rust's library for the kernel's target is missing; add it with:\n    rustup target add ${TARGET}`,
    };
  }
  return { ok: true, version: `${major}.${minor}` };
}
