export interface One {
  readonly one: 1;
}
