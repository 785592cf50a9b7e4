/** The command `ring0`, from outside: what it prints, how it ends, and what it leaves behind. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { MachineInfoSchema } from '../../app/contract/index.ts';
import { CommandLine, type Running } from '../support/command-line.ts';
import { isAlive, Lab } from '../support/lab.ts';
import { needSharedFile, oracleText } from '../support/project.ts';

const shell = new CommandLine();
const lab = new Lab();
let model = '';
beforeAll(async () => {
  await lab.kernel();
  model = await lab.anyModel();
});
afterAll(() => {
  shell.dispose();
  lab.dispose();
});

/** Waits until the process is gone: the kernel reaps an orphan a moment after its owner. */
async function gone(pid: number): Promise<boolean> {
  for (let attempt = 0; attempt < 100 && isAlive(pid); attempt += 1)
    await new Promise((resolve) => setTimeout(resolve, 50));
  return !isAlive(pid);
}

/** Starts a machine with `run --json`. @returns the process and what it says of the machine */
async function startMachine(...args: string[]) {
  const owner = shell.start(['run', '--json', '--model', model, '--port', '0', ...args]);
  const [line] = await owner.waitFor(/^\{"event":"started".*\}$/m);
  const { info } = JSON.parse(line) as { info: unknown };
  return { owner, info: MachineInfoSchema.parse(info) };
}

describe('without a machine', () => {
  it('explains itself', async () => {
    const { code, stdout, stderr } = await shell.run(['--help']);
    expect([code, stderr]).toEqual([0, '']);
    for (const name of [
      'doctor',
      'studio',
      'build',
      'run',
      'chat',
      'ps',
      'stop',
      'inspect',
      'bench',
      'model',
      'profiles',
    ]) {
      expect(stdout).toContain(`\n  ${name} `.trimEnd());
      const help = await shell.run([name, '--help']);
      expect(help.code).toBe(0);
      expect(help.stdout).toContain('Examples');
    }
  });

  it.each([
    [['chta'], 'did you mean ring0 chat?'],
    [['run', '--prot', '1'], 'did you mean --port?'],
    [['stop', 'a', 'b'], 'does not know what to do with "b"'],
    [['inspect'], 'needs SUBJECT'],
    [['inspect', 'botot'], 'did you mean ring0 inspect boot?'],
  ])('refuses %j with exit code 2', async (args, advice) => {
    const { code, stderr } = await shell.run(args);
    expect(code).toBe(2);
    expect(stderr).toContain(advice);
  });

  it('finds no machine: an empty list is fine, a missing one is not', async () => {
    expect(await shell.run(['ps', '--json'])).toMatchObject({ code: 0, stdout: '{\n  "machines": []\n}\n' });
    expect(await shell.run(['stop', '--all'])).toMatchObject({ code: 0 });
    const { code, stdout } = await shell.run(['stop', '--json']);
    expect(code).toBe(6);
    expect(JSON.parse(stdout)).toMatchObject({ error: { what: expect.any(String), fix: expect.any(String) } });
    expect((await shell.run(['inspect', 'boot'])).code).toBe(6);
  });

  it('refuses a model, a profile and an accelerator that do not exist, before it boots anything', async () => {
    expect((await shell.run(['run', '--model', 'no-such-model'])).code).toBe(6);
    expect((await shell.run(['run', '--profile', 'no-such-profile', '--model', model])).code).toBe(6);
    expect((await shell.run(['run', '--accelerator', 'warp', '--model', model])).code).toBe(2);
  });

  it('lists and shows profiles and models', async () => {
    const list = JSON.parse((await shell.run(['profiles', 'list', '--json'])).stdout) as {
      profiles: { name: string }[];
    };
    expect(list.profiles.map(({ name }) => name)).toContain('microvm');
    const { stdout } = await shell.run(['profiles', 'show', 'smp4', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ profile: { name: 'smp4', cores: 4 } });
    const models = JSON.parse((await shell.run(['model', 'list', '--json'])).stdout) as { models: unknown[] };
    expect(models.models).toContainEqual(expect.objectContaining({ source: 'builtin' }));
  });

  it('knows what this machine has', async () => {
    const { code, stdout } = await shell.run(['doctor', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, accelerator: { accelerator: expect.any(String) } });
  });

  it('builds, and says what it built', async () => {
    const { code, stdout } = await shell.run(['build', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ result: { fresh: true, errors: 0 } });
  });
});

describe('ring0 chat', () => {
  it('boots a machine, answers on stdout, measures on stderr, and leaves nothing', async (context) => {
    const file = needSharedFile(context, 'stories260K-q8_0.gguf');
    const { code, stdout, stderr } = await shell.run(['chat', '-m', file, '-t', '0', '-n', '64', 'Once upon a time']);
    expect(code).toBe(0);
    expect(stdout).toBe(`Once upon a time${oracleText(context, 'stories260K-q8_0')}\n`);
    expect(stderr).toMatch(/\[64 tokens, [\d.]+ tokens\/s, first token after \d+ ms/);
    expect((await shell.run(['ps', '--json'])).stdout).toContain('"machines": []');
  });

  it('answers one line of stdin after the other', async () => {
    const { code, stdout } = await shell.run(['chat'], 'Hello\n/reset\n/quit\n');
    expect(code).toBe(0);
    expect(stdout.trim()).not.toBe('');
  });
});

describe('ring0 run', () => {
  let current: Running | undefined;
  afterEach(() => current?.signal('SIGKILL'));

  it('types stdin at the shell and ends when the guest shuts down', async () => {
    const { code, stdout } = await shell.run(['run', '--model', model], 'uptime\rshutdown\r');
    expect(stdout).toMatch(/^ring0: shell ready\r?$/m);
    expect(stdout).toContain('uptime');
    expect(code).toBe(0);
  });

  it('lends its machine to other terminals, until one stops it', async () => {
    const { owner, info } = await startMachine();
    current = owner;
    const list = JSON.parse((await shell.run(['ps', '--json'])).stdout) as { machines: unknown[] };
    expect(list.machines).toMatchObject([{ info: { id: info.id }, state: { phase: 'running' } }]);

    const answer = JSON.parse((await shell.run(['chat', '--json', '-n', '8', 'Once upon a time'])).stdout) as object;
    expect(answer).toMatchObject({
      machine: { id: info.id },
      text: expect.any(String),
      timing: { measuredBy: 'guest' },
    });

    expect(JSON.parse((await shell.run(['inspect', 'boot', '--json'])).stdout)).toMatchObject({
      source: 'pvh',
      problems: [],
    });
    expect((await shell.run(['inspect', 'boot'])).stdout).toContain('first token');
    const chrome = JSON.parse((await shell.run(['inspect', 'trace', '--chrome'])).stdout) as { traceEvents: unknown[] };
    expect(chrome.traceEvents.length).toBeGreaterThan(10);
    expect((await shell.run(['inspect', 'drivers'])).stdout).toContain('virtio');

    expect(await shell.run(['stop', info.id])).toMatchObject({ code: 0, stdout: `stopped ${info.id}\n` });
    expect(await owner.end()).toMatchObject({ code: 0 });
    expect(await gone(info.qemuPid)).toBe(true);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('ends its QEMU on %s, and exits with %i', async (signal, code) => {
    const { owner, info } = await startMachine();
    current = owner;
    owner.signal(signal);
    expect(await owner.end()).toMatchObject({ code });
    expect(await gone(info.qemuPid)).toBe(true);
  });

  it('leaves no QEMU and no file even when it is killed with SIGKILL', async () => {
    const { owner, info } = await startMachine();
    owner.signal('SIGKILL');
    await owner.end();
    expect(await gone(info.qemuPid)).toBe(true);
    // The next command finds the dead owner's directory and clears it away.
    expect((await shell.run(['ps', '--json'])).stdout).toContain('"machines": []');
  });

  it('tells of a crash, keeps the dead machine where asked to, and exits with 5', async () => {
    const owner = shell.start(['run', '--model', model, '--keep']);
    current = owner;
    await owner.waitFor(/ring0> $/);
    owner.type('panic\r');
    const [, kinds = ''] = await owner.waitFor(/one of: (\S+) /);
    owner.type(`panic ${kinds}\r`);
    await owner.waitFor(/^ring0: (PANIC|EXCEPTION)/m);
    let epitaph = await shell.run(['inspect', 'epitaph', '--json']);
    for (let attempt = 0; attempt < 50 && !epitaph.stdout.includes('"written"'); attempt += 1)
      epitaph = await shell.run(['inspect', 'epitaph', '--json']);
    expect(JSON.parse(epitaph.stdout)).toMatchObject({ state: 'written', problems: [] });
    owner.signal('SIGINT');
    const { code, stderr } = await owner.end();
    expect(stderr).toContain('the guest is dead');
    expect(code).toBe(5);
    expect((await shell.run(['ps', '--json'])).stdout).toContain('"machines": []');
  });

  it('exits with 5 after a crash where nobody asked to keep it', async () => {
    const { code, stderr } = await shell.run(['run', '--model', model], 'panic\rpanic panic\r');
    expect(stderr).toContain('the guest is dead');
    expect(code).toBe(5);
  });
});
