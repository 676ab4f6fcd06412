import type { OperationContext } from "../operations/operation-service.ts";

/** How often it is told, in milliseconds. */
const interval = 250;

/** Bytes of an operation that have passed, of `total` where that is known. */
export class Progress {
  readonly #op: OperationContext;
  readonly #total: number | undefined;
  #told = 0;

  constructor(op: OperationContext, total?: number) {
    this.#op = op;
    this.#total = total;
  }

  set(bytes: number, total = this.#total): void {
    if (Date.now() - this.#told < interval) return;
    this.#told = Date.now();
    if (total) this.#op.progress(bytes / total);
    this.#op.detail(
      total ? `${mebibytes(bytes)} of ${mebibytes(total)} MiB` : `${mebibytes(bytes)} MiB`,
    );
  }
}

const mebibytes = (bytes: number): string => (bytes / 1024 / 1024).toFixed(0);
