/** The kernel in QEMU: the same expectations, over the guest's own TCP. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { Lab, type TestMachine } from '../support/lab.ts';
import { root, sharedFile } from '../support/project.ts';
import { openaiConformance } from './conformance.ts';

const lab = new Lab();
afterAll(() => lab.dispose());

const MODELS = [
  { name: 'stories260K', path: sharedFile('stories260K-q8_0.gguf') },
  { name: 'the demo model', path: join(root, 'kernel', 'demo', 'ring0-demo-q8_0.gguf') },
];

for (const { name, path } of MODELS) {
  describe(`the guest with ${name}`, () => {
    if (path === undefined || !existsSync(path)) {
      it('answers the official client', ({ skip }) => skip(`${name} is not on this machine`));
      return;
    }
    let machine: TestMachine | undefined;
    beforeAll(async () => {
      machine = await lab.boot({ modelPath: path });
    });
    afterAll(async () => {
      await machine?.stop();
    });
    openaiConformance(() => machine?.apiUrl ?? '');
  });
}
