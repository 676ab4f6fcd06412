import { randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

/**
 * Who may talk to the server: it is on loopback, where every program and every page in a browser of
 * this machine can knock. A request must name the server exactly (no rebinding of a foreign name), a
 * socket must come from its own page, and both must know the token.
 */
export class Access {
  /** 32 random bytes, base64url; new with every start. */
  readonly token = randomBytes(32).toString("base64url");
  readonly #host: string;
  readonly #cookie: string;

  constructor(port: number) {
    this.#host = `127.0.0.1:${port}`;
    // Browsers do not keep the cookies of two ports apart.
    this.#cookie = `shimyard-${port}`;
  }

  get origin(): string {
    return `http://${this.#host}`;
  }

  /** To be opened once; it is exchanged for a cookie that no script can read. */
  get url(): string {
    return `${this.origin}/?token=${this.token}`;
  }

  /** The `Set-Cookie` which a right token is exchanged for; it ends with the browser's session. */
  get setCookie(): string {
    return `${this.#cookie}=${this.token}; HttpOnly; SameSite=Strict; Path=/`;
  }

  isAddressed(request: IncomingMessage): boolean {
    return request.headers.host === this.#host;
  }

  isOwnOrigin(request: IncomingMessage): boolean {
    return request.headers.origin === this.origin;
  }

  hasCookie(request: IncomingMessage): boolean {
    const cookies = (request.headers.cookie ?? "").split(";");
    return cookies.some((cookie) => {
      const [name, value] = cookie.trim().split("=");
      return name === this.#cookie && this.isToken(value);
    });
  }

  /** Takes the same time wherever the first difference is. */
  isToken(value: string | null | undefined): boolean {
    const given = Buffer.from(value ?? "");
    const own = Buffer.from(this.token);
    return given.length === own.length && timingSafeEqual(given, own);
  }
}
