import { workspaceRoot } from '../state/build.ts';
import { notify } from '../state/notifications.ts';
import { askForTrust, isRestricted, type TrustReason, useTrust } from '../state/trust.ts';
import { StatusEntry } from '../widgets/StatusEntry.tsx';
import { registerCommand } from './commands.ts';
import { registerStatusItem } from './contributions.ts';
import { ask } from './dialog.ts';

const TRUST = 'Trust This Folder';
const RESTRICT = 'Restricted Mode';

const BECAUSE: Readonly<Record<TrustReason, string>> = {
  build: 'Building it runs',
  language: 'To explain Rust code, rust-analyzer runs',
  manage: 'Building it, and rust-analyzer, run',
};

function detail(reason: TrustReason): string {
  return `${workspaceRoot()}

${BECAUSE[reason]} programs that this folder brings, its build scripts and procedural macros, as you and with all that you may do. Trust it if you trust whoever wrote it.

In restricted mode everything can be read and edited, and nothing of the folder is run: no build, no rust-analyzer.`;
}

/** Why a folder is trusted that nobody was asked about. */
function standing(): string | null {
  const { trust } = useTrust.getState();
  if (trust?.kind !== 'trusted') return null;
  if (trust.because === 'own') return 'It is the studio’s own: the studio runs from it, so its code runs already.';
  if (trust.because === 'setting') return 'Every folder is, since the setting "Workspace trust" is off.';
  return null;
}

async function manage(): Promise<void> {
  const reason = standing();
  if (reason === null) await askForTrust('manage');
  else notify({ severity: 'info', key: 'trust', message: 'This folder is trusted', detail: reason });
}

function TrustItem() {
  if (!useTrust(isRestricted)) return null;
  return (
    <StatusEntry
      icon="shield"
      tone="warning"
      title="Nothing of this folder is run: no build, no rust-analyzer. Click to decide whether you trust it."
      onClick={() => void manage()}
    >
      Restricted Mode
    </StatusEntry>
  );
}

/** The question, the mark in the status bar, and the command that asks again. */
export function registerTrust(): void {
  useTrust.subscribe(({ question }, before) => {
    if (question === null || question === before.question) return;
    void ask('Do you trust this folder?', detail(question.reason), [TRUST, RESTRICT]).then((button) =>
      question.resolve(button === null ? null : button === TRUST),
    );
  });
  registerStatusItem({ id: 'trust', side: 'left', order: 5, component: TrustItem });
  registerCommand({ id: 'workspace.trust', title: 'Manage Workspace Trust', category: 'Workspaces', run: manage });
}
