import { type ParentPort, runHost } from './host.ts';

const { parentPort } = process as unknown as { parentPort: ParentPort };
const end = await runHost(process.argv.slice(2), parentPort, (why) => {
  console.error(why);
  process.exit(1);
});
// The guard of every process that was started sees to a death without this.
process.once('SIGTERM', () => void end?.().finally(() => process.exit(0)));
