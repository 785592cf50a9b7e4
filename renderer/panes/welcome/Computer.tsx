import type { DoctorCheck } from '../../../app/contract/doctor.ts';
import { CHECK_COUNT, cancelFix, examine, fix, useDoctor } from '../../state/doctor.ts';
import { Button, IconButton } from '../../widgets/buttons.tsx';
import { CodeBlock } from '../../widgets/CodeBlock.tsx';
import { CopyButton } from '../../widgets/CopyButton.tsx';
import { ErrorNote } from '../../widgets/ErrorNote.tsx';
import { Icon } from '../../widgets/Icon.tsx';

const ICON = { ok: 'pass', warn: 'warning', fail: 'error' } as const;
const WORDS = { ok: 'right', warn: 'could be better', fail: 'missing' } as const;

/** What the studio needs of this computer, what is missing, and the cure. */
export function Computer() {
  const { phase, checks, why } = useDoctor();
  const examining = phase === 'examining';
  return (
    <section className="welcome-card" aria-labelledby="welcome-computer">
      <div className="welcome-card-head">
        <h2 id="welcome-computer">This computer</h2>
        <span role="status" className="welcome-summary">
          {examining ? `Checking ${checks.length} of ${CHECK_COUNT}` : phase === 'known' ? summary(checks) : ''}
        </span>
        <IconButton
          icon={examining ? 'loading' : 'refresh'}
          label="Check again"
          disabled={examining}
          onClick={() => void examine()}
        />
      </div>
      {phase === 'failed' ? <p className="welcome-trouble">The computer could not be checked: {why}</p> : null}
      <ul className="welcome-checks">
        {checks.map((check) => (
          <Check key={check.id} check={check} />
        ))}
      </ul>
    </section>
  );
}

function summary(checks: readonly DoctorCheck[]): string {
  const count = (status: DoctorCheck['status']) => checks.filter((check) => check.status === status).length;
  const [missing, weak] = [count('fail'), count('warn')];
  if (missing > 0) return `${missing} ${missing === 1 ? 'thing is' : 'things are'} missing`;
  return weak > 0 ? `Everything works; ${weak} could be better` : 'Everything is there';
}

function Check({ check }: { readonly check: DoctorCheck }) {
  const fixing = useDoctor((state) => (state.fixing?.check === check.id ? state.fixing : null));
  const busy = useDoctor((state) => state.fixing?.phase === 'running');
  const running = fixing?.phase === 'running';
  return (
    <li data-status={check.status}>
      <div className="welcome-check">
        <Icon name={running ? 'loading' : ICON[check.status]} />
        <span className="welcome-check-title">
          {capital(check.title)}
          <span className="visually-hidden">: {WORDS[check.status]}</span>
        </span>
        <span className="welcome-check-found" title={check.found}>
          {check.found}
        </span>
      </div>
      {check.status === 'ok' ? null : (
        <div className="welcome-cure">
          {check.why === '' ? null : <p>{sentence(check.why)}</p>}
          {check.fixHint === '' ? null : <p>{check.fixHint}</p>}
          {check.fixCommand === null ? null : (
            <div className="welcome-command">
              <code>{check.fixCommand}</code>
              <CopyButton label="Copy the command" text={() => check.fixCommand ?? ''} />
              {running ? (
                <Button icon="debug-stop" onClick={cancelFix}>
                  Cancel
                </Button>
              ) : (
                <Button kind="primary" disabled={busy} onClick={() => void fix(check)}>
                  Run it
                </Button>
              )}
            </div>
          )}
        </div>
      )}
      {fixing === null || (fixing.phase === 'done' && check.status === 'ok') ? null : (
        <div className="welcome-fixing">
          {running && fixing.command.includes('sudo ') ? (
            <p>If sudo wants a password, it asks in the terminal that the studio was started in.</p>
          ) : null}
          {fixing.output.length === 0 ? null : (
            <CodeBlock label="Output of the command" text={fixing.output.slice(-200).join('\n')} />
          )}
          {fixing.phase === 'cancelled' ? <p>Cancelled.</p> : null}
          {fixing.error === null ? null : <ErrorNote error={fixing.error} />}
        </div>
      )}
    </li>
  );
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** A reason as a sentence. What a program said keeps its own letters: `kvm: error: …`. */
function sentence(text: string): string {
  const begun = /^[\w.-]+:|^`/.test(text) ? text : capital(text);
  return begun.endsWith('.') ? begun : `${begun}.`;
}
