// First of all: zod reads it when schemas are made.
import './jitless.ts';

import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import '@vscode/codicons/dist/codicon.css';
import 'dockview-react/dist/styles/dockview.css';
import './theme/tokens.css';
import './theme/base.css';
import './panes/index.ts';
import { App } from './workbench/App.tsx';
import { startWorkbench } from './workbench/start.ts';

startWorkbench();
const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
