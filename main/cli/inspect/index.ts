import { boot, drivers, epitaph, trace } from './records.ts';
import type { Subject } from './subject.ts';

/** In the order of the help. */
export const SUBJECTS: readonly Subject[] = [boot, trace, epitaph, drivers];
