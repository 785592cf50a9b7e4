import { create } from 'zustand';

/** Which of the pane's two views is shown. */
export const useBuildPane = create<{ readonly shown: 'output' | 'size' }>(() => ({ shown: 'output' }));
