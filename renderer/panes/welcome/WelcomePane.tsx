import { useEffect } from 'react';
import { useConnection } from '../../host/client.ts';
import { examineOnce } from '../../state/doctor.ts';
import { refreshChoices } from '../../state/machines.ts';
import type { PaneProps } from '../../workbench/panes.ts';
import { Computer } from './Computer.tsx';
import { Continue, Keys, Layouts } from './Links.tsx';
import { Start } from './Start.tsx';
import '../../widgets/controls.css';
import './welcome.css';

/** The first page: from nothing to a conversation in one click, what the computer lacks, and where to go on. */
export function WelcomePane({ isVisible }: PaneProps) {
  const connected = useConnection(({ connection }) => connection.phase === 'connected');
  const version = useConnection(({ connection }) => (connection.phase === 'connected' ? connection.info.version : ''));
  useEffect(() => {
    if (!isVisible || !connected) return;
    void examineOnce();
    void refreshChoices();
  }, [isVisible, connected]);
  return (
    <div className="welcome">
      <div className="welcome-page">
        <header className="welcome-head">
          <svg viewBox="0 0 64 64" width="36" height="36" aria-hidden="true">
            <circle cx="32" cy="32" r="27" fill="none" stroke="currentColor" strokeWidth="4" />
            <circle cx="32" cy="32" r="16" fill="none" stroke="currentColor" strokeWidth="4" opacity="0.55" />
            <circle cx="32" cy="32" r="6" fill="currentColor" />
          </svg>
          <div>
            <h1>Ring0 Studio{version === '' ? null : <span className="welcome-version">{version}</span>}</h1>
            <p>Edit, build and boot a kernel whose only program is a language model; talk to it, and take it apart.</p>
          </div>
        </header>
        <div className="welcome-columns">
          <div className="welcome-main">
            <Start />
            <Computer />
          </div>
          <div className="welcome-aside">
            <Continue />
            <Layouts />
            <Keys />
          </div>
        </div>
      </div>
    </div>
  );
}
