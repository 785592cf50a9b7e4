import { createServer } from 'node:net';
import { fail, ok, type Result } from '../../../app/base/result.ts';
import type { PortForward } from '../../../app/contract/machine.ts';

/**
 * Gives every forward a port of 127.0.0.1. Port 0 takes any free one. A port that was asked for must be free; QEMU takes it a moment
 * later, so that somebody may be faster: the start then fails and may be tried again.
 */
export async function allocatePorts(forwards: readonly PortForward[]): Promise<Result<PortForward[]>> {
  const allocated: PortForward[] = [];
  for (const { host, guest } of forwards) {
    const port = await probe(host);
    if (port === undefined) {
      return fail(
        'port-taken',
        `Port ${host} on 127.0.0.1 is taken.`,
        'another program listens there, or the system reserves it',
        `End that program (\`ss -ltnp 'sport = :${host}'\` names it), or choose another port; 0 takes a free one.`,
      );
    }
    allocated.push({ host: port, guest });
  }
  return ok(allocated);
}

function probe(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address();
      const bound = typeof address === 'object' ? address?.port : undefined;
      server.close(() => resolve(bound));
    });
  });
}
