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

export function setRowError(id: string, error: RowError): void {
  useRowErrors.setState(({ errors }) => ({ errors: new Map(errors).set(id, error) }));
}

export function clearRowError(id: string): void {
  useRowErrors.setState((state) => {
    if (!state.errors.has(id)) return state;
    const errors = new Map(state.errors);
    errors.delete(id);
    return { errors };
  });
}
