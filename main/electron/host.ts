/** The service host of the Electron shell: a process of its own, plain Node, that answers over the ports that it is handed. */
import { z } from 'zod';
import { describeError } from '../../app/base/result.ts';
import { type PortLike, portWire, serveWire } from '../rpc/serve.ts';
import { createStudio } from '../rpc/studio.ts';

/** What Electron gives a utility process to speak with the main process (`process.parentPort`). */
export interface ParentPort {
  on(event: 'message', listener: (event: { data: unknown; ports: PortLike[] }) => void): unknown;
}

const HostOptionsSchema = z.strictObject({
  /** Kernel, demo model, profiles. */
  root: z.string(),
  /** The folder that is open. */
  workspace: z.string(),
  ptyHost: z.string(),
  /** By default that of the package.json in `root`. */
  version: z.string().optional(),
});
export type HostOptions = z.infer<typeof HostOptionsSchema>;

/** A little less than the main process waits for this one (END_MS in shell.ts). */
const LAST_WORDS_MS = 2500;

/**
 * @param argv the options, as JSON
 * @param fail ends the process with a reason
 * @returns what ends the services when all ports are closed and what came over them is done; undefined where they could not be made
 */
export async function runHost(
  argv: readonly string[],
  parent: ParentPort,
  fail: (why: string) => void,
): Promise<(() => Promise<void>) | undefined> {
  const options = parseOptions(argv[0]);
  if (options === undefined) {
    fail('the service host was not told where it is');
    return undefined;
  }
  // Ports that come while the services are being made wait for them.
  const waiting: PortLike[] = [];
  let serve: (port: PortLike) => void = (port) => waiting.push(port);
  parent.on('message', ({ ports }) => {
    for (const port of ports) serve(port);
  });
  const studio = await createStudio(options);
  if (!studio.ok) {
    fail(describeError(studio.error));
    return undefined;
  }
  const { router } = studio.value;
  const served = new Set<Promise<void>>();
  serve = (port) => {
    const over = serveWire(router, portWire(port), (error) => console.error(error));
    served.add(over);
    void over.then(() => served.delete(over));
  };
  for (const port of waiting.splice(0)) serve(port);
  return async () => {
    // What a page that is closed says last, such as text that was never saved, comes before the end; one that stays open is not waited for.
    await Promise.race([Promise.all(served), new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS))]);
    studio.value.dispose();
  };
}

function parseOptions(text: string | undefined): HostOptions | undefined {
  try {
    return HostOptionsSchema.parse(JSON.parse(text ?? ''));
  } catch {
    return undefined;
  }
}
