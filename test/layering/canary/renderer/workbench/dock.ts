export interface Dock {
  readonly panels: number;
}
