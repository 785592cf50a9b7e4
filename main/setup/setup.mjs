/**
 * Makes a fresh machine ready: `node main/setup/setup.mjs`. Safe to run again; quick when there is nothing to do.
 * Exit code 0: ready. 3: something is missing that it may not, or could not, install; the last lines say what to do.
 */
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureNodeModules } from './node-modules.mjs';
import { checkRust } from './rust.mjs';
import { ensureSystemPackages } from './system-packages.mjs';

/** package.json's `engines`. */
const MINIMUM_NODE = [20, 19];

/** The repository. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** @param {string} line */
export const say = (line) => process.stderr.write(`setup: ${line}\n`);

/** @returns {{ ok: true } | { ok: false, message: string }} */
export function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor >= MINIMUM_NODE[1])) return { ok: true };
  return {
    ok: false,
    message: `Node ${MINIMUM_NODE.join('.')} or later is needed, this is ${process.versions.node}; get Node 24 from https://nodejs.org`,
  };
}

/**
 * Every step, in order; all are tried, so that one run names everything that is missing.
 *
 * @param {{ tests?: boolean }} [options] `tests`: what only the tests want as well
 * @returns {boolean} ready
 */
export function setup(options = {}) {
  const node = checkNode();
  const steps = node.ok ? [ensureNodeModules(root, say), ensureSystemPackages(say, options), checkRust()] : [node];
  const failures = steps.filter((step) => !step.ok);
  for (const failure of failures) say(failure.message);
  return failures.length === 0;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const started = performance.now();
  if (!setup()) process.exit(3);
  say(`ready (${((performance.now() - started) / 1000).toFixed(1)} s)`);
}
