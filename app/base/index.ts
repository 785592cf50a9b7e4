export * from './address.js';
export * from './bytes.js';
export * from './cancel.js';
export * from './disposable.js';
export * from './event.js';
export * from './result.js';
