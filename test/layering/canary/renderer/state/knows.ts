// Planted: a store that knows the workbench, by type only; the client it may have.
import { call } from '../host/innocent.ts';
import type { Dock } from '../workbench/dock.ts';

export const knows: [string, Dock | undefined] = [call, undefined];
