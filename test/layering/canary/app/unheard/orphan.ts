// Planted: a folder that the allowlist does not know.
export const orphan = 1;
