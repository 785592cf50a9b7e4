// Planted: the command line past the composition root, and a package that nobody granted.
import { expect } from 'vitest';
import type { Two } from '../services/two/two.ts';

export const deep: Two | typeof expect = expect;
