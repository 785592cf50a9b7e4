import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { z } from 'zod';
import '@vscode/codicons/dist/codicon.css';
import 'dockview-react/dist/styles/dockview.css';
import './theme/tokens.css';
import './theme/base.css';
import './panes/index.ts';
import { App } from './workbench/App.tsx';
import { startWorkbench } from './workbench/start.ts';

// zod's fast path makes functions out of text, which the content security policy forbids.
z.config({ jitless: true });

startWorkbench();
const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
