import { readdir, readFile } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";

/**
 * The window's files and the headers they go out with, the same for a browser and for the app's own
 * scheme (electron/shell/protocol.ts).
 */
export interface Assets {
  /** The file at a URL's path, undefined when there is none. `/` is the page. */
  read(pathname: string): Promise<Asset | undefined>;
}

export interface Asset {
  body: Uint8Array;
  headers: Record<string, string>;
}

/**
 * What the page may do. Everything comes from its own origin; no script but its files, no eval.
 * `style-src 'unsafe-inline'`: xterm.js and Radix put style elements into the page as they run.
 */
export function contentSecurityPolicy(connect = "'self'"): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "font-src 'self'",
    "img-src 'self' data: blob:",
    `connect-src ${connect}`,
    // Panels of extensions, in sandboxed frames: electron/core/extensions/panel-server.ts.
    "frame-src http://127.0.0.1:*",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

const types: Record<string, string> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

/**
 * The files below `dir` as they are now. A request is looked up in this list and never becomes a
 * path, so that no spelling of one leads out of the directory. `connect`: as in the policy.
 */
export async function listAssets(dir: string, connect?: string): Promise<Assets> {
  const files = new Map<string, string>();
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(`/${relative(dir, path).split(sep).join("/")}`, path);
  }
  const policy = contentSecurityPolicy(connect);
  return {
    async read(pathname) {
      const name = pathname === "/" ? "/index.html" : pathname;
      const path = files.get(name);
      if (!path) return undefined;
      return {
        body: await readFile(path),
        headers: {
          "Content-Type": types[extname(path)] ?? "application/octet-stream",
          "Content-Security-Policy": policy,
          "X-Content-Type-Options": "nosniff",
          "Referrer-Policy": "no-referrer",
          "Cross-Origin-Opener-Policy": "same-origin",
          "Cross-Origin-Resource-Policy": "same-origin",
          // Vite names what is in assets/ by its content.
          "Cache-Control": name.startsWith("/assets/")
            ? "private, max-age=31536000, immutable"
            : "no-store",
        },
      };
    },
  };
}
