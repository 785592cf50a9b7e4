export * from './last-word.ts';
export * from './process.ts';
