/**
 * Runs the packaged service host under plain Node as Electron's utility process would, asks it what a window asks, and prints what it
 * answered. PACKAGED_HOST is its bundle; the argument is its options.
 */
import { EventEmitter } from 'node:events';
import { pathToFileURL } from 'node:url';
import { MessageChannel } from 'node:worker_threads';
import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/message-port';
import type { StudioClient } from '../../app/contract/studio.ts';

const parentPort = new EventEmitter();
Object.assign(process, { parentPort });
await import(pathToFileURL(process.env.PACKAGED_HOST ?? '').href);

const { port1, port2 } = new MessageChannel();
parentPort.emit('message', { data: { kind: 'port' }, ports: [port1] });
const client: StudioClient = createORPCClient(new RPCLink({ port: port2 }));
port2.start();

const { version, workspace } = await client.studio.info();
const profiles = (await client.profiles.list()).map(({ name }) => name);
const models = (await client.models.list()).map(({ name }) => name);
const matches: string[] = [];
for await (const event of await client.workspace.search({ pattern: 'workspace', include: ['Cargo.toml'] }))
  if (event.kind === 'matches') matches.push(...event.matches.map(({ path }) => path));
  else if (event.kind === 'failed') matches.push(event.error.why);

const made = await client.terminals.create({ size: { columns: 80, rows: 24 } });
let shell = made.ok ? '' : `${made.error.what} ${made.error.why}`;
if (made.ok) {
  const { id } = made.value;
  await client.terminals.write({ id, text: 'echo shell-$((6*7))\r' });
  for await (const { data } of await client.terminals.output({ id })) {
    shell += Buffer.from(data, 'base64').toString('utf8');
    if (shell.includes('shell-42')) break;
  }
  shell = /shell-42/.exec(shell)?.[0] ?? shell;
  await client.terminals.kill({ id });
}
// As a window does that is closed: the host ends once what came over its port is done.
port2.close();
process.stdout.write(
  JSON.stringify({ info: { version, workspace: workspace.root }, profiles, models, matches, shell }),
  () => process.kill(process.pid, 'SIGTERM'),
);
