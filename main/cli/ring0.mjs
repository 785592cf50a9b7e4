#!/usr/bin/env node
/**
 * The command `ring0`. Works in a fresh clone: installs the Node packages and bundles the TypeScript if that is needed,
 * then hands over to main/cli/main.ts. Everything it says itself goes to stderr; stdout belongs to the command.
 */
import { pathToFileURL } from 'node:url';
import { ensureNodeModules } from '../setup/node-modules.mjs';
import { adoptCargoFolder } from '../setup/rust.mjs';
import { checkNode, root, say } from '../setup/setup.mjs';
import { ensureBundle } from './bundle.mjs';

/** Exit code for a missing prerequisite; main/cli/exit-codes.ts has the list. */
const MISSING = 3;

for (const step of [checkNode, () => ensureNodeModules(root, say)]) {
  const result = step();
  if (!result.ok) {
    say(result.message);
    process.exit(MISSING);
  }
}
adoptCargoFolder();
let bundle;
try {
  bundle = await ensureBundle(root, 'cli');
} catch {
  // esbuild has said where and why; its stack trace would add nothing.
  say('the sources of ring0 do not compile; the messages above say where');
  process.exit(1);
}
const { main } = await import(pathToFileURL(bundle).href);
await main(process.argv.slice(2), root);
