/** What a row is told of its place. */
export interface GridPlace {
  /** From 1, with the head being row 1. */
  rowIndex: number;
  current: boolean;
  selected: boolean;
}
