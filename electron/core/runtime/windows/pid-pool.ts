/**
 * Above what any host gives its processes (Linux at most 2^22, and Windows' are small): such a number is never taken for
 * a process of this machine.
 */
const first = 2 ** 30;

/**
 * Numbers for processes of which the host has none: a container that was not started, and what runs in a virtual
 * machine. After containerd's windows/pid_pool.go.
 */
export class PidPool {
  readonly #taken = new Set<number>();
  #next = first;

  /** Not one that was let go of lately. */
  take(): number {
    while (this.#taken.has(this.#next)) this.#advance();
    const pid = this.#next;
    this.#taken.add(pid);
    this.#advance();
    return pid;
  }

  /** Idempotent; of numbers that are not from here too. */
  release(pid: number): void {
    this.#taken.delete(pid);
  }

  #advance(): void {
    this.#next = this.#next + 1 < 2 * first ? this.#next + 1 : first;
  }
}
