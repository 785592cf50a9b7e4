import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { LongOperation } from '../../../app/base/cancel.ts';
import { fail, messageOf, ok, type Result } from '../../../app/base/result.ts';
import type {
  BuildEvent,
  BuildResult,
  BuildService,
  Diagnostic,
  ImageSize,
  SourceSpan,
} from '../../../app/contract/index.ts';
import { parseCargoLine } from '../../../app/wire/cargo-json.ts';
import { readElf } from '../../../app/wire/elf.ts';
import { imageSize } from '../../../app/wire/image-size.ts';
import { cancelled } from '../../process/index.ts';
import { streamLines } from './stream-lines.ts';

export interface CargoBuildOptions {
  /** The kernel's workspace: the folder of `ring0/` and `tools/image/`. */
  readonly kernelRoot: string;
  readonly cargo?: string | undefined;
}

interface Compiled {
  readonly elfPath: string;
  readonly fresh: boolean;
}

/** What a stream of lines returns to nobody when it is closed early. */
const LEFT = cancelled('The build');

/** Builds the kernel with cargo and finishes its image. */
export class CargoBuild implements BuildService {
  readonly #root: string;
  readonly #cargo: string;
  /** The build that runs; the next waits for it. */
  #tail: Promise<void> = Promise.resolve();

  constructor({ kernelRoot, cargo }: CargoBuildOptions) {
    this.#root = kernelRoot;
    this.#cargo = cargo ?? 'cargo';
  }

  async *build(options: LongOperation = {}): AsyncIterable<BuildEvent> {
    const before = this.#tail;
    let done = () => {};
    this.#tail = new Promise((resolve) => {
      done = resolve;
    });
    try {
      await before;
      yield* this.#build(options);
    } finally {
      done();
    }
  }

  async size(elfPath: string): Promise<Result<ImageSize>> {
    try {
      const bytes = await readFile(elfPath);
      const elf = readElf(bytes);
      return elf.ok ? ok(imageSize(elf.value, bytes.length)) : elf;
    } catch (error) {
      return fail('no-image', 'The image cannot be read.', messageOf(error), 'Build the kernel.');
    }
  }

  async *#build({ signal }: LongOperation): AsyncGenerator<BuildEvent> {
    const start = performance.now();
    const counts = { errors: 0, warnings: 0 };
    const failed = (error: Extract<BuildEvent, { kind: 'failed' }>['error']): BuildEvent => ({
      kind: 'failed',
      error,
      errors: counts.errors,
    });
    const compiled = yield* this.#compile(signal, counts);
    if (!compiled.ok) return yield failed(compiled.error);
    const { elfPath, fresh } = compiled.value;
    const efiPath = `${elfPath}.efi`;
    if (!fresh || !isNewer(efiPath, elfPath)) {
      const finished = yield* this.#finish(elfPath, signal);
      if (!finished.ok) return yield failed(finished.error);
    }
    const result: BuildResult = {
      elfPath,
      efiPath,
      elfBytes: statSync(elfPath).size,
      efiBytes: statSync(efiPath).size,
      durationMs: Math.round(performance.now() - start),
      fresh,
      ...counts,
    };
    yield { kind: 'finished', result };
  }

  /** Compiles and links; the events of cargo as they come. */
  async *#compile(
    signal: LongOperation['signal'],
    counts: { errors: number; warnings: number },
  ): AsyncGenerator<BuildEvent, Result<Compiled>> {
    const args = ['build', '--release', '--message-format=json'];
    yield { kind: 'step', title: 'compiling the kernel', command: [this.#cargo, ...args] };
    // Cargo finds the image's flags by the folder that it runs in.
    const lines = streamLines(this.#cargo, args, { cwd: join(this.#root, 'ring0'), signal });
    let elfPath: string | undefined;
    let fresh = true;
    let artifacts = 0;
    let lastText = '';
    try {
      for (let next = await lines.next(); ; next = await lines.next()) {
        if (next.done) {
          if (!next.value.ok) return next.value;
          if (next.value.value.code !== 0) return buildFailed(counts.errors, lastText);
          break;
        }
        const message = parseCargoLine(next.value);
        switch (message.kind) {
          case 'diagnostic': {
            const diagnostic = absolute(message.diagnostic, this.#root);
            if (diagnostic.severity === 'error') counts.errors++;
            if (diagnostic.severity === 'warning') counts.warnings++;
            yield { kind: 'diagnostic', diagnostic };
            break;
          }
          case 'artifact':
            fresh &&= message.fresh;
            if (message.executable !== null && message.targetName === 'ring0') elfPath = message.executable;
            yield { kind: 'artifact', packageName: message.packageName, fresh: message.fresh, count: ++artifacts };
            break;
          case 'text':
            lastText = message.line;
            yield { kind: 'output', line: message.line };
            break;
          case 'finished':
          case 'other':
            break;
        }
      }
    } finally {
      // Whoever leaves this build early ends cargo as well.
      await lines.return(LEFT);
    }
    return elfPath === undefined
      ? buildFailed(counts.errors, 'cargo named no executable ring0')
      : ok({ elfPath, fresh });
  }

  /** Writes the symbol table into the ELF and the UEFI image beside it. */
  async *#finish(elfPath: string, signal: LongOperation['signal']): AsyncGenerator<BuildEvent, Result<void>> {
    const args = ['run', '--quiet', '--package', 'ring0-image', '--', elfPath];
    yield { kind: 'step', title: 'finishing the image', command: [this.#cargo, ...args] };
    const said: string[] = [];
    const lines = streamLines(this.#cargo, args, { cwd: this.#root, signal });
    try {
      for (let next = await lines.next(); ; next = await lines.next()) {
        if (next.done) {
          if (!next.value.ok) return next.value;
          if (next.value.value.code === 0 && existsSync(`${elfPath}.efi`)) return ok();
          return fail(
            'image-failed',
            'The kernel is linked, but its image cannot be finished.',
            said.slice(-5).join('\n'),
            'Look at kernel/tools/image; the lines above are its own.',
          );
        }
        said.push(next.value);
        yield { kind: 'output', line: next.value };
      }
    } finally {
      await lines.return(LEFT);
    }
  }
}

function buildFailed(errors: number, lastText: string) {
  const why = errors > 0 ? `${errors} error${errors === 1 ? '' : 's'}` : lastText;
  return fail(
    'build-failed',
    'The kernel does not build.',
    why,
    errors > 0 ? 'Correct the errors above and build again.' : "Run `ring0 doctor`; cargo's own words are above.",
  );
}

/** Whether `made` is there and not older than what it is made from. */
function isNewer(made: string, source: string): boolean {
  try {
    return statSync(made).mtimeMs >= statSync(source).mtimeMs;
  } catch {
    return false;
  }
}

/** rustc names files relative to the workspace. */
function absolute(diagnostic: Diagnostic, root: string): Diagnostic {
  const place = (span: SourceSpan): SourceSpan =>
    isAbsolute(span.file) || span.file.startsWith('<') ? span : { ...span, file: join(root, span.file) };
  return {
    ...diagnostic,
    spans: diagnostic.spans.map(place),
    suggestions: diagnostic.suggestions.map((suggestion) => ({ ...suggestion, span: place(suggestion.span) })),
  };
}
