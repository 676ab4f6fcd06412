import { Component, type ReactNode } from "react";
import { Button } from "./button.tsx";
import { ErrorNote } from "./error-note.tsx";

interface ErrorBoundaryProps {
  /** What it shows: another one is tried anew. */
  of: unknown;
  className?: string;
  /** Told once of each failure; then nothing stands in its place. */
  onError?: (error: unknown) => void;
  children: ReactNode;
}

interface Failed {
  of: unknown;
  error?: unknown;
}

/** A part of the window that fails alone: without one, what can't be drawn takes all of the window with it. */
export class ErrorBoundary extends Component<ErrorBoundaryProps, Failed> {
  override state: Failed = { of: this.props.of };

  static getDerivedStateFromError(error: unknown): Partial<Failed> {
    return { error };
  }

  static getDerivedStateFromProps({ of }: ErrorBoundaryProps, state: Failed): Failed | null {
    return of === state.of ? null : { of, error: undefined };
  }

  override componentDidCatch(error: unknown): void {
    this.props.onError?.(error);
  }

  override render(): ReactNode {
    const { className, onError, children } = this.props;
    const { error } = this.state;
    if (error === undefined) return children;
    if (onError) return null;
    return (
      <ErrorNote
        className={className ?? ""}
        title="This part of the window failed"
        error={error}
        actions={<Button onClick={() => this.setState({ error: undefined })}>Try again</Button>}
      />
    );
  }
}
