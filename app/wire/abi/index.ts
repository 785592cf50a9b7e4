export * from './boot.ts';
export * from './drivers.ts';
export * from './epitaph.ts';
export * from './header.ts';
export * from './msrs.ts';
export * from './trace.ts';
