export { AS_NODE } from './guard.ts';
export * from './last-word.ts';
export * from './process.ts';
