import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { BuildEvent } from '../../../app/contract/index.ts';
import { runningProcessCount } from '../../process/index.ts';
import { CargoBuild } from './index.ts';

let folder: string;
let elf: string;
/** Sets what the fake cargo does on `build`, in shell; on `run` it makes the image. */
function cargo(onBuild: string): CargoBuild {
  const program = join(folder, 'cargo');
  writeFileSync(
    program,
    `#!/bin/sh\necho "$PWD $*" >> ${folder}/calls\nif [ "$1" = run ]; then echo flat > ${elf}.efi; exit 0; fi\n${onBuild}\n`,
  );
  chmodSync(program, 0o755);
  return new CargoBuild({ kernelRoot: folder, cargo: program });
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ring0-build-'));
  mkdirSync(join(folder, 'ring0'));
  elf = join(folder, 'elf');
});
afterEach(() => {
  expect(runningProcessCount()).toBe(0);
  rmSync(folder, { recursive: true });
});

async function events(build: CargoBuild, signal?: AbortSignal): Promise<BuildEvent[]> {
  const list: BuildEvent[] = [];
  for await (const event of build.build({ signal })) list.push(event);
  return list;
}

const artifact = (fresh: boolean) =>
  `echo '{"reason":"compiler-artifact","package_id":"path+file:///k/ring0#0.1.0","target":{"name":"ring0"},"executable":"${elf}","fresh":${fresh}}'`;
const error = `echo '{"reason":"compiler-message","package_id":"path+file:///k/abi#ring0-abi@0.1.0","message":{"message":"no","level":"error","code":null,"rendered":"error: no","children":[],"spans":[{"file_name":"abi/src/lib.rs","line_start":3,"line_end":3,"column_start":1,"column_end":2,"is_primary":true,"label":null}]}}'`;

test('compiles, finishes the image, and next time only looks', async () => {
  const first = await events(cargo(`echo elf > ${elf}; echo "   Compiling x" >&2; ${artifact(false)}`));
  expect(first.map((event) => event.kind)).toEqual(expect.arrayContaining(['step', 'artifact', 'output', 'finished']));
  expect(first.filter((event) => event.kind === 'step').map((event) => event.title)).toEqual([
    'compiling the kernel',
    'finishing the image',
  ]);
  expect(first.at(-1)).toMatchObject({
    kind: 'finished',
    result: { elfPath: elf, efiPath: `${elf}.efi`, fresh: false, errors: 0 },
  });
  const second = await events(cargo(artifact(true)));
  expect(second.map((event) => event.kind)).toEqual(['step', 'artifact', 'finished']);
  expect(second.at(-1)).toMatchObject({ result: { fresh: true } });
});

test('an error of the compiler fails the build, with the whole path of the file', async () => {
  const list = await events(cargo(`${error}; exit 101`));
  expect(list[1]).toMatchObject({
    kind: 'diagnostic',
    diagnostic: { packageName: 'ring0-abi', spans: [{ file: join(folder, 'abi/src/lib.rs'), line: 3 }] },
  });
  expect(list.at(-1)).toMatchObject({ kind: 'failed', errors: 1, error: { code: 'build-failed', why: '1 error' } });
});

test('a cargo that fails by itself is quoted, one that is missing is said', async () => {
  const list = await events(cargo('echo "error: no such command" >&2; exit 101'));
  expect(list.at(-1)).toMatchObject({ kind: 'failed', error: { code: 'build-failed', why: 'error: no such command' } });
  const missing = await events(new CargoBuild({ kernelRoot: folder, cargo: join(folder, 'nothing') }));
  expect(missing.at(-1)).toMatchObject({ kind: 'failed', error: { code: 'cannot-start-process' } });
});

test('cancelling kills cargo; the next build may run', async () => {
  const controller = new AbortController();
  const build = cargo('echo waiting; exec sleep 100');
  const list: BuildEvent[] = [];
  for await (const event of build.build({ signal: controller.signal })) {
    list.push(event);
    if (event.kind === 'output') controller.abort();
  }
  expect(list.at(-1)).toMatchObject({ kind: 'failed', error: { code: 'cancelled' } });
  cargo(`echo elf > ${elf}; ${artifact(false)}`);
  expect((await events(build)).at(-1)?.kind).toBe('finished');
});

test('leaving a build early kills it, and two builds do not run at once', async () => {
  const build = cargo('echo waiting; exec sleep 100');
  for await (const event of build.build()) if (event.kind === 'output') break;
  const quick = cargo(
    `echo begin >> ${folder}/order; sleep 0.1; echo end >> ${folder}/order; echo elf > ${elf}; ${artifact(false)}`,
  );
  await Promise.all([events(quick), events(quick)]);
  expect(readFileSync(join(folder, 'order'), 'utf8')).toBe('begin\nend\nbegin\nend\n');
});
