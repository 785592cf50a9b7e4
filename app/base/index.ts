export * from './address.ts';
export * from './byte-tape.ts';
export * from './bytes.ts';
export * from './cancel.ts';
export * from './disposable.ts';
export * from './event.ts';
export * from './result.ts';
