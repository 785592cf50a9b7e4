/** The service host of the Electron shell: a process of its own, plain Node, that answers over the ports that it is handed. */
import { describeError } from '../../app/base/result.ts';
import { type PortLike, portWire, serveWire } from '../rpc/serve.ts';
import { createStudio } from '../rpc/studio.ts';

/** What Electron gives a utility process to speak with the main process (`process.parentPort`). */
export interface ParentPort {
  on(event: 'message', listener: (event: { data: unknown; ports: PortLike[] }) => void): unknown;
}

/**
 * @param argv the repository or package, and the folder that is open
 * @param fail ends the process with a reason
 * @returns what ends the services; undefined where they could not be made
 */
export async function runHost(
  argv: readonly string[],
  parent: ParentPort,
  fail: (why: string) => void,
): Promise<(() => void) | undefined> {
  const [root, workspace] = argv;
  if (root === undefined) {
    fail('the service host was started without its folder');
    return undefined;
  }
  // Ports that come while the services are being made wait for them.
  const waiting: PortLike[] = [];
  let serve: (port: PortLike) => void = (port) => waiting.push(port);
  parent.on('message', ({ ports }) => {
    for (const port of ports) serve(port);
  });
  const studio = await createStudio({ root, workspace });
  if (!studio.ok) {
    fail(describeError(studio.error));
    return undefined;
  }
  const { router } = studio.value;
  serve = (port) => serveWire(router, portWire(port), (error) => console.error(error));
  for (const port of waiting.splice(0)) serve(port);
  return () => studio.value.dispose();
}
