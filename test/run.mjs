/**
 * `npm test`: makes the machine ready, then runs every test that there is. Plain JavaScript without dependencies, since
 * it starts in a fresh clone. The last line is `N passed, N failed, N skipped`; above it stand all failures and the reason
 * of each skip. `node test/run.mjs STEP…` runs only those steps.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, say, setup } from '../main/setup/setup.mjs';
import { add, emptyTally, summary, tallyCargo, tallyCommand, tallyVitest, verdict } from './runner/tally.mjs';

if (!setup({ tests: true })) {
  say('the tests cannot run on this machine before that is cured');
  console.log('0 passed, 1 failed, 0 skipped');
  process.exit(3);
}

const scratch = mkdtempSync(join(tmpdir(), 'ring0-test-'));
const kernel = join(root, 'kernel');
const bin = (name) => join(root, 'node_modules', '.bin', process.platform === 'win32' ? `${name}.cmd` : name);
// Nobody sits at the keyboard, and output is the same in every country.
const environment = { ...process.env, CI: 'true', LC_ALL: 'C', TZ: 'UTC', NO_COLOR: '1', CARGO_TERM_COLOR: 'never' };

/** The process that runs now, to be ended if we are. */
let current;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    current?.kill(signal);
    rmSync(scratch, { recursive: true, force: true });
    process.exit(130);
  });
}

/** @returns {Promise<{ exitCode: number, output: string }>} shows the output while it collects it */
function execute(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? root,
      env: { ...environment, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32',
    });
    current = child;
    const chunks = [];
    child.stdout.on('data', (chunk) => {
      chunks.push(chunk);
      process.stdout.write(chunk);
    });
    child.stderr.on('data', (chunk) => process.stderr.write(chunk));
    child.on('error', (error) => {
      process.stderr.write(`${command}: ${error.message}\n`);
      resolve({ exitCode: 127, output: '' });
    });
    child.on('close', (code, signal) => {
      current = undefined;
      resolve({ exitCode: code ?? (signal === null ? 1 : 128), output: Buffer.concat(chunks).toString('utf8') });
    });
  });
}

async function command(name, program, args, options) {
  const { exitCode } = await execute(program, args, options);
  return tallyCommand(name, exitCode);
}

async function vitest(project) {
  const records = join(scratch, `${project}.jsonl`);
  writeFileSync(records, '');
  const reporter = join(root, 'test', 'runner', 'vitest-reporter.mjs');
  const { exitCode } = await execute(
    bin('vitest'),
    ['run', '--project', project, '--reporter=default', `--reporter=${reporter}`],
    {
      env: { TEST_RECORDS: records },
    },
  );
  return tallyVitest(readFileSync(records, 'utf8'), project, exitCode);
}

/** Name, what it is for, and how it runs. In this order: what is quick and often broken comes first. */
const STEPS = {
  types: async () => {
    const tally = emptyTally();
    for (const project of ['app', 'main', 'renderer', 'test'])
      add(tally, await command(`types of ${project}`, bin('tsc'), ['-p', project]));
    return tally;
  },
  lint: () => command('biome', bin('biome'), ['check', '--colors=off']),
  unit: () => vitest('unit'),
  // The kernel image has no host tests: it is built with its own link flags, and tested by booting it.
  cargo: async () => {
    const { exitCode, output } = await execute(
      'cargo',
      ['test', '--workspace', '--exclude', 'ring0', '--no-fail-fast'],
      { cwd: kernel },
    );
    return tallyCargo(output, 'kernel', exitCode);
  },
  image: () => command('kernel image', process.execPath, [join('main', 'cli', 'ring0.mjs'), 'build']),
  // The page in a real Chromium; skipped with its reason where there is none.
  e2e: () => vitest('e2e'),
  integration: () => vitest('integration'),
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in STEPS));
if (unknown.length > 0) {
  console.error(`there is no step ${unknown.join(', ')}; the steps are ${Object.keys(STEPS).join(', ')}`);
  process.exit(2);
}

const total = emptyTally();
const times = [];
for (const [name, run] of Object.entries(STEPS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.log(`\n=== ${name}`);
  const started = performance.now();
  const tally = await run();
  add(total, tally);
  times.push(`${name} ${((performance.now() - started) / 1000).toFixed(0)} s (${summary(tally)})`);
}
rmSync(scratch, { recursive: true, force: true });

console.log(`\n${times.join('\n')}`);
for (const skip of total.skipped) console.log(`skipped: ${skip.name}: ${skip.reason || 'no reason given'}`);
for (const failure of total.failed) console.log(`FAILED: ${failure}`);
console.log(summary(total));
process.exitCode = verdict(total);
