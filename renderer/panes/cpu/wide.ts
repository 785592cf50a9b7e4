/** A value with all its digits, without `0x`. */
export const wide = (value: string, digits = 16): string => value.slice(2).padStart(digits, '0');
