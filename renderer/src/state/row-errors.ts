import { create } from "zustand";
import type { ErrorInfo } from "#shared/errors";

export interface RowError {
  /** What was tried: `Could not stop`. */
  title: string;
  error: ErrorInfo;
}

/** What went wrong with which container, until it is dismissed or the next try works. */
export const useRowErrors = create<{ errors: ReadonlyMap<string, RowError> }>(() => ({
  errors: new Map(),
}));

/** What is not shown yet. Hundreds fail in one go when the core goes away: all are drawn once. */
const coming = new Map<string, RowError | undefined>();

export function setRowError(id: string, error: RowError): void {
  change(id, error);
}

export function clearRowError(id: string): void {
  if (coming.has(id) || useRowErrors.getState().errors.has(id)) change(id, undefined);
}

function change(id: string, error: RowError | undefined): void {
  if (coming.size === 0) setTimeout(show, 0);
  coming.set(id, error);
}

function show(): void {
  const errors = new Map(useRowErrors.getState().errors);
  for (const [id, error] of coming) {
    if (error) errors.set(id, error);
    else errors.delete(id);
  }
  coming.clear();
  useRowErrors.setState({ errors });
}
