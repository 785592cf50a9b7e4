/** A codicon. It is decoration: whoever uses it says the same in words. */
export function Icon({ name, className }: { readonly name: string; readonly className?: string | undefined }) {
  return (
    <span
      aria-hidden="true"
      className={`icon codicon codicon-${name}${className === undefined ? '' : ` ${className}`}`}
    />
  );
}
