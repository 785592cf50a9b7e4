export { type ChainQuestion, readChain } from './chain.ts';
export { VirtioRecorders } from './follow.ts';
export { readVirtio } from './look.ts';
export { readRingsOnly } from './snapshot.ts';
export { followStepwise } from './stepwise.ts';
