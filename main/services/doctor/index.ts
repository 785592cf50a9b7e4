import { type CancelSignal, isCancelled, type LongOperation } from '../../../app/base/cancel.ts';
import { fail, ok, type Result } from '../../../app/base/result.ts';
import type {
  Accelerator,
  AcceleratorChoice,
  DoctorCheck,
  DoctorOptions,
  DoctorReport,
  DoctorService,
  FixEvent,
  FixOptions,
} from '../../../app/contract/index.ts';
import { LineSplitter } from '../../../app/wire/qmp.ts';
import { cancelled, startProcess } from '../../process/index.ts';
import { type AcceleratorProbe, candidates, probeAccelerator } from './accelerator.ts';
import { CHECKS } from './checks.ts';
import { ProbeCache, probeCachePath } from './probe-cache.ts';
import { qemuProgram } from './qemu.ts';

export { findOvmf, qemuProgram } from './qemu.ts';
export { findRustAnalyzer, INSTALL_RUST_ANALYZER } from './rust-analyzer.ts';

/** Examines this computer and cures what it can. */
export class Doctor implements DoctorService {
  readonly #root: string;
  readonly #cache: ProbeCache;
  readonly #probes = new Map<Accelerator, Promise<AcceleratorProbe>>();

  /** @param root the repository: where builds and models take their space */
  constructor(root: string, cachePath = probeCachePath()) {
    this.#root = root;
    this.#cache = new ProbeCache(cachePath, qemuProgram());
    for (const probe of this.#cache.read()) this.#probes.set(probe.accelerator, Promise.resolve(probe));
  }

  async examine(options: DoctorOptions = {}): Promise<DoctorReport> {
    // Whoever asks the doctor wants to know what is true now.
    this.#probes.clear();
    const checks: DoctorCheck[] = [];
    for (const { id, title, examine } of CHECKS) {
      const check = { id, title, ...(await examine(this.#root, options.signal)) };
      checks.push(check);
      options.onCheck?.(check);
    }
    const probes = await this.#probeAll(options.signal);
    const accelerator = choose(probes);
    const check = acceleratorCheck(probes, accelerator);
    checks.push(check);
    options.onCheck?.(check);
    return { ok: checks.every((it) => it.status !== 'fail'), checks, accelerator, probes };
  }

  async *fix({ only, ...options }: FixOptions = {}): AsyncIterable<FixEvent> {
    const before = await this.examine(options);
    const done = new Set<string>();
    for (const check of before.checks) {
      if (check.status === 'ok' || check.fixCommand === null || done.has(check.fixCommand)) continue;
      if (only !== undefined && check.id !== only) continue;
      if (isCancelled(options.signal)) break;
      done.add(check.fixCommand);
      yield { kind: 'command', check: check.id, command: check.fixCommand };
      for await (const event of runFix(check.id, check.fixCommand, options.signal))
        yield event.kind === 'fixed' ? await this.#verdict(check, check.fixCommand, options.signal) : event;
    }
    yield { kind: 'finished', report: await this.examine(options) };
  }

  /** Whether a fix whose command succeeded has cured what it was for. */
  async #verdict(check: DoctorCheck, command: string, signal: CancelSignal | undefined): Promise<FixEvent> {
    const after = await CHECKS.find(({ id }) => id === check.id)?.examine(this.#root, signal);
    if (after === undefined || after.status === 'ok') return { kind: 'fixed', check: check.id };
    const { error } = fail(
      'fix-in-vain',
      `\`${command}\` succeeded, and ${check.title} is still not right.`,
      after.why,
      after.fixHint || 'Open a new terminal and look again: `ring0 doctor`.',
    );
    return { kind: 'failed', check: check.id, error };
  }

  async chooseAccelerator(
    wanted: 'auto' | Accelerator,
    options: LongOperation = {},
  ): Promise<Result<AcceleratorChoice>> {
    if (wanted === 'auto') {
      const choice = choose(await this.#probeAll(options.signal));
      return isCancelled(options.signal) ? cancelled('Choosing the accelerator') : ok(choice);
    }
    if (wanted === 'tcg') return ok({ accelerator: 'tcg', reason: 'it was asked for' });
    const probe = await this.#probe(wanted, options.signal);
    if (isCancelled(options.signal)) return cancelled('Choosing the accelerator');
    return probe.works
      ? ok({ accelerator: wanted, reason: 'it was asked for, and it boots a guest' })
      : fail('accelerator-unusable', `The accelerator ${wanted} does not work here.`, probe.detail, 'Use auto or tcg.');
  }

  async #probeAll(signal: CancelSignal | undefined): Promise<AcceleratorProbe[]> {
    const probes: AcceleratorProbe[] = [];
    for (const accelerator of candidates(process.platform, process.arch)) {
      // TCG needs no proof before it is used: it is the last that is left, and its failure is QEMU's own.
      probes.push(
        accelerator === 'tcg'
          ? { accelerator, works: true, detail: "QEMU's own emulator" }
          : await this.#probe(accelerator, signal),
      );
    }
    return probes;
  }

  #probe(accelerator: Accelerator, signal: CancelSignal | undefined): Promise<AcceleratorProbe> {
    const known = this.#probes.get(accelerator);
    if (known !== undefined) return known;
    const probe = probeAccelerator(qemuProgram(), accelerator, signal);
    this.#probes.set(accelerator, probe);
    void probe.then(async () => {
      // A probe that was cancelled says nothing.
      if (isCancelled(signal)) this.#probes.delete(accelerator);
      else this.#cache.write(await Promise.all(this.#probes.values()));
    });
    return probe;
  }
}

function choose(probes: readonly AcceleratorProbe[]): AcceleratorChoice {
  const works = probes.find((probe) => probe.works && probe.accelerator !== 'tcg');
  if (works !== undefined) return { accelerator: works.accelerator, reason: `${works.accelerator} ${works.detail}` };
  const others = probes
    .filter((probe) => probe.accelerator !== 'tcg')
    .map((probe) => `${probe.accelerator}: ${probe.detail}`);
  return {
    accelerator: 'tcg',
    reason: others.length === 0 ? 'this system has no other for x86-64 guests' : others.join('; '),
  };
}

function acceleratorCheck(probes: readonly AcceleratorProbe[], choice: AcceleratorChoice): DoctorCheck {
  const slow = choice.accelerator === 'tcg';
  return {
    id: 'accelerator',
    title: 'accelerator',
    status: slow && probes.length > 1 ? 'warn' : 'ok',
    found: choice.accelerator,
    why: slow ? choice.reason : '',
    fixCommand: null,
    fixHint:
      slow && probes.length > 1
        ? 'Everything works under TCG, many times slower; a host with usable virtualisation makes it fast.'
        : '',
  };
}

async function* runFix(check: string, command: string, signal: CancelSignal | undefined): AsyncIterable<FixEvent> {
  const queue: string[] = [];
  let wake = () => {};
  const collect = () => {
    const lines = new LineSplitter();
    return (bytes: Buffer) => {
      queue.push(...lines.push(bytes.toString('utf8')));
      wake();
    };
  };
  // On the terminal, since sudo may ask for a password.
  const started = await startProcess('/bin/sh', ['-c', command], {
    stdin: 'terminal',
    env: { DEBIAN_FRONTEND: 'noninteractive' },
    onStdout: collect(),
    onStderr: collect(),
  });
  if (!started.ok) {
    yield { kind: 'failed', check, error: started.error };
    return;
  }
  const abort = () => started.value.kill('SIGTERM');
  signal?.addEventListener('abort', abort);
  let ended = false;
  const exit = started.value.exited.finally(() => {
    ended = true;
    wake();
  });
  while (!ended || queue.length > 0) {
    const line = queue.shift();
    if (line !== undefined) yield { kind: 'output', line };
    else await new Promise<void>((resolve) => (wake = resolve));
  }
  signal?.removeEventListener('abort', abort);
  const status = await exit;
  if (status.code === 0) yield { kind: 'fixed', check };
  else {
    const { error } = fail(
      'fix-failed',
      `\`${command}\` did not succeed.`,
      `exit code ${status.code ?? status.signal}; its output is above`,
      'Run it by hand and look at what it says.',
    );
    yield { kind: 'failed', check, error };
  }
}
