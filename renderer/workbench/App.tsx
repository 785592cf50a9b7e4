import { useEffect, useState } from 'react';
import { useConnection } from '../host/client.ts';
import { ActivityBar } from './ActivityBar.tsx';
import { Dialog } from './Dialog.tsx';
import { Dock, fetchEditor } from './Dock.tsx';
import { Menu } from './Menu.tsx';
import { Notifications } from './Notifications.tsx';
import { QuickInput } from './QuickInput.tsx';
import { StatusBar } from './StatusBar.tsx';
import { type Restored, restoreSession, saveLayout } from './session.ts';
import { TitleBar } from './TitleBar.tsx';
import './app.css';

/** What covers the dock until the host has answered for the first time. */
function Waiting() {
  const connection = useConnection((state) => state.connection);
  return (
    <div className="app-waiting" role="status">
      {connection.phase === 'waiting' ? (
        <>
          <p>The service host does not answer ({connection.why}).</p>
          <p>
            Start it with <code>ring0 studio</code> and open the address that it prints. This page tries again by
            itself.
          </p>
        </>
      ) : null}
    </div>
  );
}

/** The window. */
export function App() {
  const [restored, setRestored] = useState<Restored | null>(null);
  useEffect(() => {
    fetchEditor();
    const controller = new AbortController();
    restoreSession(controller.signal).then(
      (session) => {
        if (!controller.signal.aborted) setRestored(session);
      },
      // Only the end of this component ends the waiting.
      () => {},
    );
    return () => controller.abort();
  }, []);
  return (
    <div className="app">
      <TitleBar />
      <div className="app-middle">
        <ActivityBar />
        {restored === null ? <Waiting /> : <Dock saved={restored.layout} onChange={saveLayout} />}
      </div>
      <StatusBar />
      <QuickInput />
      <Menu />
      <Notifications />
      <Dialog />
    </div>
  );
}
