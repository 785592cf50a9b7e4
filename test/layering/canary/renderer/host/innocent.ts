// Planted: allowed.
export const call = 'studio.info';
