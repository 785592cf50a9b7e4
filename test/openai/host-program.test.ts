/** The engine and the API outside of the guest: the same code over the host's sockets. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { root, sharedFile } from '../support/project.ts';
import { openaiConformance } from './conformance.ts';
import { HostProgram } from './host-program.ts';

const MODELS = [
  { name: 'stories260K', path: sharedFile('stories260K-q8_0.gguf'), options: { apiKey: 'sk-test' } },
  { name: 'the demo model', path: join(root, 'kernel', 'demo', 'ring0-demo-q8_0.gguf'), options: {} },
];

for (const { name, path, options } of MODELS) {
  describe(`the host program with ${name}`, () => {
    if (path === undefined || !existsSync(path)) {
      it('answers the official client', ({ skip }) => skip(`${name} is not on this machine`));
      return;
    }
    let program: HostProgram | undefined;
    beforeAll(async () => {
      const key = options.apiKey === undefined ? [] : ['--api-key', options.apiKey];
      program = await HostProgram.start(path, ...key);
    });
    afterAll(() => program?.dispose());
    openaiConformance(() => program?.baseUrl ?? '', options);
  });
}
