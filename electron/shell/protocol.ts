import { listAssets } from "#headless/assets";
import { protocol } from "electron";

/** The window's origin: a scheme of its own, so that it has one, and no file of the machine is near it. */
const scheme = "app";
const host = "shimyard";
export const windowUrl = `${scheme}://${host}/`;

/** Must run before the app is ready. */
export function registerScheme(): void {
  protocol.registerSchemesAsPrivileged([
    {
      scheme,
      privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true },
    },
  ]);
}

/** Serves the built window from `dir` under its scheme. The app must be ready. */
export async function serveWindow(dir: string): Promise<void> {
  const assets = await listAssets(dir);
  protocol.handle(scheme, async (request) => {
    const url = new URL(request.url);
    const asset = url.host === host ? await assets.read(url.pathname) : undefined;
    if (!asset) return new Response("There is nothing here", { status: 404 });
    return new Response(new Uint8Array(asset.body), { headers: asset.headers });
  });
}

/** Whether a frame at this URL is our window's page, and so may talk to the core. */
export function isWindowUrl(url: string): boolean {
  return url.startsWith(windowUrl);
}
