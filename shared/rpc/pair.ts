import type { Channel, Frame } from "./define.ts";

/**
 * Two channels joined in this process; frames arrive in a later microtask, in order, as the same
 * objects. For tests, and for callers that live with the core.
 */
export function channelPair(): [Channel, Channel] {
  const a = new PairEnd();
  const b = new PairEnd();
  a.other = b;
  b.other = a;
  return [a, b];
}

class PairEnd implements Channel {
  other: PairEnd = this;
  #onFrame: (frame: Frame) => void = () => undefined;
  readonly #onClose: ((reason?: Error) => void)[] = [];
  #closed: { reason: Error | undefined } | undefined;

  send(frame: Frame): void {
    if (this.#closed) return;
    queueMicrotask(() => {
      if (!this.other.#closed) this.other.#onFrame(frame);
    });
  }

  onFrame(listener: (frame: Frame) => void): void {
    this.#onFrame = listener;
  }

  onClose(listener: (reason?: Error) => void): void {
    if (this.#closed) listener(this.#closed.reason);
    else this.#onClose.push(listener);
  }

  close(reason?: Error): void {
    this.#end(reason);
    this.other.#end(reason);
  }

  #end(reason: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = { reason };
    for (const listener of this.#onClose) listener(reason);
  }
}
