// Planted: a pane that reaches for Node and for the services, past the wire.
import { homedir } from 'node:os';
import type { One } from '../../../main/services/one/one.ts';

export const one: [string, One | undefined] = [homedir(), undefined];
