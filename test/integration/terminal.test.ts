/** `ring0` at a keyboard: raw keys, the escape key, Ctrl-C in its stages, a terminal that is closed. */
import { spawnSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { MachineListing } from '../../app/contract/index.ts';
import { CommandLine } from '../support/command-line.ts';
import { Lab } from '../support/lab.ts';

const shell = new CommandLine();
const lab = new Lab();
let model = '';
const hasScript = spawnSync('script', ['--version'], { stdio: 'ignore' }).status === 0;

beforeAll(async () => {
  await lab.kernel();
  model = await lab.anyModel();
});
beforeEach((context) => context.skip(!hasScript, 'needs the program script of util-linux, which makes a terminal'));
afterEach(() => shell.killAll());
afterAll(() => {
  shell.dispose();
  lab.dispose();
});

/** The ids of the machines that run. */
async function machines(): Promise<string[]> {
  const { stdout } = await shell.run(['ps', '--json']);
  return (JSON.parse(stdout) as { machines: MachineListing[] }).machines.map((machine) => machine.info.id);
}

it('gives every key to the guest but Ctrl-], whose q ends the machine', async () => {
  const run = shell.startInTerminal(['run', '-m', model]);
  await run.waitFor(/ring0> $/);
  expect(await machines()).toHaveLength(1);
  run.type('\x03');
  run.type('uptime\r');
  await run.waitFor(/uptime\n[\s\S]*ring0> $/);
  run.type('\x1dh');
  await run.waitFor(/pause or go on/);
  run.type('\x1di');
  await run.waitFor(/files in /);
  run.type('\x1dq');
  expect(await run.end()).toMatchObject({ code: 0 });
  expect(await machines()).toEqual([]);
});

it('lets a second terminal sit down at the console and leave again', async () => {
  const owner = shell.startInTerminal(['run', '-m', model]);
  await owner.waitFor(/ring0> $/);
  const guest = shell.startInTerminal(['attach']);
  await guest.waitFor(/ring0> $/);
  guest.type('uptime\r');
  await owner.waitFor(/uptime\n[\s\S]*ring0> $/);
  guest.type('\x1dq');
  expect(await guest.end()).toMatchObject({ code: 0 });
  expect(await machines()).toHaveLength(1);
  owner.type('shutdown\r');
  expect(await owner.end()).toMatchObject({ code: 0 });
});

it('leaves no machine when its terminal is closed', async () => {
  const run = shell.startInTerminal(['run', '-m', model]);
  await run.waitFor(/ring0> $/);
  run.signal('SIGKILL');
  await run.end();
  for (let attempt = 0; attempt < 50 && (await machines()).length > 0; attempt += 1);
  expect(await machines()).toEqual([]);
});

it('converses: answers, corrects a mistyped command, and stops an answer at Ctrl-C before it leaves at the next', async () => {
  const chat = shell.startInTerminal(['chat', '-m', model, '--plain', '-n', '400', '--append', 'ctx=512']);
  await chat.waitFor(/text> $/);
  chat.type('/rest\r');
  await chat.waitFor(/did you mean \/reset\?/);
  chat.type('/info\r');
  await chat.waitFor(/0 questions so far/);
  chat.type('Once upon a time\r');
  await chat.waitFor(/Once upon a time\n[\s\S]*Once upon a time\S/);
  chat.type('\x03');
  await chat.waitFor(/\[stopped\]|tokens\/s/);
  await chat.waitFor(/text> $/);
  chat.type('\x03');
  expect(await chat.end()).toMatchObject({ code: 130 });
  expect(await machines()).toEqual([]);
});
