import { studio } from '../../host/client.ts';
import { cancelDump, DUMPS, dumpName, saveDump, useDumpSaving } from '../../state/dump-saving.ts';
import { closeDump, fileName, openDump, useDumps } from '../../state/inspected.ts';
import { shownMachine } from '../../state/machines.ts';
import { notify, notifyError } from '../../state/notifications.ts';
import { formatBytes } from '../../widgets/format.ts';
import { StatusEntry } from '../../widgets/StatusEntry.tsx';
import type { Command } from '../../workbench/commands.ts';
import { registerStatusItem } from '../../workbench/contributions.ts';
import { ask } from '../../workbench/dialog.ts';
import { openQuickInput, type QuickItem } from '../../workbench/quick-input.ts';

const HAS_MEMORY: ReadonlySet<string> = new Set(['running', 'paused', 'crashed']);

function dumpable() {
  const machine = shownMachine();
  return machine !== null && HAS_MEMORY.has(machine.state.phase) ? machine : null;
}

/** Asks where to, writes the dump, and offers to look at it. */
function askAndSave(): void {
  const machine = dumpable();
  if (machine === null) return;
  const { id, profile } = machine.info;
  openQuickInput({
    title: 'Save a dump of the machine',
    placeholder: 'Path of the file, in the workspace or absolute',
    initial: dumpName(profile.name),
    answer(text) {
      const path = text.trim();
      const save: QuickItem = {
        id: 'save',
        label: `Save ${path}`,
        detail: `${profile.memoryMiB} MiB; the machine stands still meanwhile`,
        icon: 'save',
        run: () => writeAndTell(id, path),
      };
      return { items: path === '' || path.endsWith('/') ? [] : [save], empty: 'Write the name of a file' };
    },
  });
}

async function writeAndTell(machine: string, path: string): Promise<void> {
  const outcome = await saveDump(machine, path);
  if (outcome === null) return;
  if ('error' in outcome) return void notifyError(outcome.error);
  const { dump } = outcome;
  notify({
    severity: 'success',
    message: `${fileName(dump.path)} was saved, ${formatBytes(dump.bytes)}`,
    detail: dump.path,
    actions: [{ title: 'Look at it', run: () => openDump(dump.path) }],
  });
}

/** Offers the dumps that are known, and any path. */
async function askAndOpen(): Promise<void> {
  const listed = await studio.workspace.tree({ path: DUMPS }).catch(() => null);
  const files = listed?.ok === true ? listed.value : [];
  const known = useDumps.getState().dumps.map(({ path, bytes }) => ({ path, detail: formatBytes(bytes), at: 0 }));
  const inFolder = files
    .filter(({ kind, name }) => kind === 'file' && !name.endsWith('.json') && !name.startsWith('.'))
    .map(({ path, sizeBytes, modifiedMs }) => ({
      path,
      detail: `${formatBytes(sizeBytes)}, ${new Date(modifiedMs).toLocaleString()}`,
      at: modifiedMs,
    }))
    .sort((a, b) => b.at - a.at)
    .filter(({ path }) => !known.some((it) => it.path.endsWith(`/${path}`)));
  const item = (path: string, detail: string): QuickItem => ({
    id: path,
    label: path,
    detail,
    icon: 'archive',
    run: () => openDump(path),
  });
  openQuickInput({
    title: 'Open a dump',
    placeholder: 'A saved dump, or the path of any ELF core of a machine',
    initial: '',
    answer(text) {
      const wanted = text.trim().toLowerCase();
      const items = [...known, ...inFolder]
        .filter(({ path }) => path.toLowerCase().includes(wanted))
        .map(({ path, detail }) => item(path, detail));
      const typed =
        wanted === '' || items.some(({ label }) => label === text.trim()) ? [] : [item(text.trim(), 'this path')];
      return { items: [...items, ...typed], empty: 'No dump was saved in this workspace; write the path of one' };
    },
  });
}

function DumpStatus() {
  const saving = useDumpSaving((state) => state.saving);
  if (saving === null) return null;
  const share = saving.share === null ? '' : ` ${Math.floor(100 * saving.share)} %`;
  return (
    <StatusEntry
      icon="loading"
      title={`Saving ${saving.path}: the machine stands still. Click to cancel`}
      onClick={() => void askAndCancel()}
    >
      Saving dump{share}
    </StatusEntry>
  );
}

async function askAndCancel(): Promise<void> {
  const answer = await ask('Cancel the dump?', 'What was written so far is removed, and the machine goes on.', [
    'Cancel the dump',
    'Go on saving',
  ]);
  if (answer === 'Cancel the dump') cancelDump();
}

registerStatusItem({ id: 'machine.dump', side: 'left', order: 21, component: DumpStatus });

export const DUMP_COMMANDS: readonly Command[] = [
  {
    id: 'inspect.saveDump',
    title: 'Save a Dump of the Machine',
    category: 'Inspect',
    when: () => dumpable() !== null && useDumpSaving.getState().saving === null,
    run: askAndSave,
  },
  {
    id: 'inspect.cancelDump',
    title: 'Cancel the Dump',
    category: 'Inspect',
    when: () => useDumpSaving.getState().saving !== null,
    run: cancelDump,
  },
  {
    id: 'inspect.openDump',
    title: 'Open a Dump',
    category: 'Inspect',
    run: async () => {
      await askAndOpen();
    },
  },
  {
    id: 'inspect.closeDump',
    title: 'Back from the Dump to the Machine',
    category: 'Inspect',
    when: () => useDumps.getState().dump !== null,
    run: closeDump,
  },
];
