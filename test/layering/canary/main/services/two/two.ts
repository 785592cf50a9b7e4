// Planted: a service that knows its neighbour, by type only.
import type { One } from '../one/one.ts';

export type Two = One;
