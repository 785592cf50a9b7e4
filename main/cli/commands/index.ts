import type { Command } from '../command.ts';
import { attach } from './attach.ts';
import { bench } from './bench.ts';
import { build } from './build.ts';
import { chat } from './chat.ts';
import { doctor } from './doctor.ts';
import { inspect } from './inspect.ts';
import { model } from './model.ts';
import { profiles } from './profiles.ts';
import { ps } from './ps.ts';
import { run } from './run.ts';
import { stop } from './stop.ts';
import { studio } from './studio.ts';

/** In the order of `ring0 --help`: as a person comes to need them. */
export const COMMANDS: readonly Command[] = [
  doctor,
  studio,
  build,
  run,
  chat,
  ps,
  attach,
  stop,
  inspect,
  bench,
  model,
  profiles,
];
