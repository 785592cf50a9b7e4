// Planted: the pure core reaches for Node.
import { readFileSync } from 'node:fs';

export const leak = readFileSync;
