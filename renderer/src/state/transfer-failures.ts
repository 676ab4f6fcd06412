import { create } from "zustand";
import type { ErrorInfo } from "#shared/errors";

/** A pull or push that this window asked for and that failed. */
export interface TransferFailure {
  direction: "pull" | "push";
  reference: string;
  platform?: string | undefined;
  /** When it was asked for, so that it is known from the core's own record of it. */
  startedAt: number;
  error: ErrorInfo;
}

interface TransferFailures {
  failures: readonly TransferFailure[];
  /** Ids of failed transfers that were read and put away. */
  dismissed: ReadonlySet<string>;
}

/** What failed stays until it is dismissed or tried again. */
export const useTransferFailures = create<TransferFailures>(() => ({
  failures: [],
  dismissed: new Set(),
}));

type Named = Pick<TransferFailure, "direction" | "reference">;

export function addTransferFailure(failure: TransferFailure): void {
  forgetTransferFailure(failure);
  useTransferFailures.setState(({ failures }) => ({ failures: [failure, ...failures] }));
}

export function forgetTransferFailure({ direction, reference }: Named): void {
  useTransferFailures.setState(({ failures }) => ({
    failures: failures.filter(
      (each) => each.direction !== direction || each.reference !== reference,
    ),
  }));
}

export function dismissTransfer(id: string): void {
  useTransferFailures.setState(({ dismissed }) => ({ dismissed: new Set(dismissed).add(id) }));
}
