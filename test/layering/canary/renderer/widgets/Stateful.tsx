// Planted: a widget with a store of its own. In JSX, so that a checker which reads no .tsx is found out too.
import { create } from 'zustand';
import type { Dock } from '../workbench/dock.ts';

const useDock = create<Dock>(() => ({ panels: 1 }));
export const Stateful = () => <b>{useDock().panels}</b>;
