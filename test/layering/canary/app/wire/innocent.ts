// Planted: allowed, so that a checker which refuses everything is found out too.
import { leak } from '../base/leak.ts';

export const innocent = leak;
