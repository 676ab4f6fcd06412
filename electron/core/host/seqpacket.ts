import { close, readSync, write } from "node:fs";
import koffi from "koffi";
import { AppError } from "#shared/errors";

/**
 * SOCK_SEQPACKET, which Node's net does not have, by way of libc. Send-only: the receiving side is
 * shut down, so that a peer which writes to everyone that is connected never waits for us
 * (unix(7), shutdown(2)). An addon that also reads (node-unix-socket) can't be had in Electron, whose
 * memory cage forbids the buffers that it makes.
 */

// linux/socket.h and asm-generic/fcntl.h; the same on x86-64, arm64 and riscv64.
const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SHUT_RD = 0;
/** sizeof(sun_path) in unix(7), the final zero included. */
const maxPath = 108;

/** Milliseconds between tries while the peer takes nothing: soon enough to feel immediate, rare enough to cost nothing. */
const retryDelays = [1, 5, 20, 50];

interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  connect(fd: number, address: Uint8Array, length: number): number;
  shutdown(fd: number, how: number): number;
}

let libc: Libc | undefined;

/** What this process has loaded already, libc among it. */
function loadLibc(): Libc {
  const library = koffi.load(null);
  return {
    socket: library.func("int socket(int, int, int)"),
    connect: library.func("int connect(int, const uint8_t *, uint32_t)"),
    shutdown: library.func("int shutdown(int, int)"),
  };
}

/** A connected socket whose packets only go out. */
export class SeqpacketWriter {
  readonly #fd: number;
  #closed = false;
  #writing: Promise<void> = Promise.resolve();

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * `path` is absolute, at most 107 bytes. Throws INVALID_ARGUMENT for a longer one, UNAVAILABLE when
   * nobody listens there.
   */
  static connect(path: string): SeqpacketWriter {
    if (Buffer.byteLength(path) >= maxPath) {
      throw new AppError("INVALID_ARGUMENT", `A socket's path has at most 107 bytes: ${path}`);
    }
    libc ??= loadLibc();
    // struct sockaddr_un: the family in the machine's byte order (little-endian where Electron runs), then the path.
    const address = Buffer.alloc(2 + maxPath);
    address.writeUInt16LE(AF_UNIX, 0);
    const length = 2 + address.write(path, 2) + 1;
    const fd = libc.socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) throw new AppError("RESOURCE_EXHAUSTED", "No socket is to be had from the kernel");
    const failed = libc.connect(fd, address, length) < 0 || libc.shutdown(fd, SHUT_RD) < 0;
    if (!failed) {
      discardReceived(fd);
      return new SeqpacketWriter(fd);
    }
    const errno = koffi.errno();
    close(fd);
    throw new AppError("UNAVAILABLE", `Nothing answers at ${path} (errno ${errno})`);
  }

  /**
   * Sends one packet after those before it; resolves when the kernel has it. Waits while the peer
   * takes nothing. Rejects UNAVAILABLE when the peer or this end is closed.
   */
  write(packet: Uint8Array): Promise<void> {
    const done = this.#writing.then(() => this.#send(packet));
    this.#writing = done.catch(() => undefined);
    return done;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // Not under a write: its descriptor's number might be another file's by then.
    void this.#writing.then(() => close(this.#fd));
  }

  async #send(packet: Uint8Array): Promise<void> {
    for (let tries = 0; ; tries += 1) {
      if (this.#closed) throw new AppError("UNAVAILABLE", "The socket is closed");
      const error = await new Promise<NodeJS.ErrnoException | null>((resolve) =>
        write(this.#fd, packet, resolve),
      );
      if (!error) return;
      if (error.code !== "EAGAIN") {
        throw new AppError("UNAVAILABLE", "The other side of the socket is gone", {}, error);
      }
      const delay = retryDelays[Math.min(tries, retryDelays.length - 1)];
      await new Promise((resolve) => setTimeout(resolve, delay));
    }
  }
}

/**
 * Takes what came until the receiving side was shut down. Left there, it would have the peer's next read fail once this
 * end is closed (ECONNRESET), with packets of ours still to be read.
 */
function discardReceived(fd: number): void {
  const packet = Buffer.alloc(64 * 1024);
  try {
    while (readSync(fd, packet) > 0);
  } catch {
    // Nothing is left, or nobody there: writing tells of that.
  }
}
