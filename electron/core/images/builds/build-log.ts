import { StringDecoder } from "node:string_decoder";
import type { BuildLine } from "#shared/contract/images";

/** Lines kept of a build; more nobody scrolls back through. */
const maxLines = 50_000;
/** Characters of a line; what is longer is broken into several. */
const maxLine = 16 * 1024;

/** What a build says, line by line, for any number of readers, each from the first line kept. */
export class BuildLog {
  #lines: BuildLine[] = [];
  /** How many lines went before the first that is kept. */
  #dropped = 0;
  #ended = false;
  #wake = new Set<() => void>();

  add(text: string): void {
    for (let at = 0; at === 0 || at < text.length; at += maxLine) {
      this.#lines.push({ time: Date.now(), text: text.slice(at, at + maxLine) });
    }
    if (this.#lines.length > maxLines * 1.1) {
      this.#dropped += this.#lines.length - maxLines;
      this.#lines = this.#lines.slice(-maxLines);
    }
    this.#tell();
  }

  /** Takes a program's output as it comes, in any pieces; `end` gives what follows the last newline. */
  writer(): { push(bytes: Buffer): void; end(): void } {
    const decoder = new StringDecoder("utf8");
    let rest = "";
    return {
      push: (bytes) => {
        const lines = (rest + decoder.write(bytes)).split(/\r?\n/);
        rest = lines.pop() ?? "";
        for (const line of lines) this.add(line);
        if (rest.length < maxLine) return;
        this.add(rest);
        rest = "";
      },
      end: () => {
        rest += decoder.end();
        if (rest !== "") this.add(rest);
        rest = "";
      },
    };
  }

  /** The last lines, for an error's `output`. */
  tail(count: number): string {
    return this.#lines
      .slice(-count)
      .map(({ text }) => text)
      .join("\n");
  }

  get ended(): boolean {
    return this.#ended;
  }

  end(): void {
    this.#ended = true;
    this.#tell();
  }

  async *watch(signal: AbortSignal): AsyncGenerator<BuildLine, void, void> {
    let wake: (() => void) | undefined;
    const listener = (): void => wake?.();
    this.#wake.add(listener);
    signal.addEventListener("abort", listener);
    try {
      for (let next = 0; !signal.aborted;) {
        next = Math.max(next, this.#dropped);
        const line = this.#lines[next - this.#dropped];
        if (line) {
          next += 1;
          yield line;
        } else if (this.#ended) {
          return;
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      this.#wake.delete(listener);
      signal.removeEventListener("abort", listener);
    }
  }

  #tell(): void {
    for (const wake of this.#wake) wake();
  }
}
