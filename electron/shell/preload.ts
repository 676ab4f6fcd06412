import { ipcRenderer } from "electron";

/**
 * Hands the page one end of a MessagePort whose other end is joined to what the page names, whenever it
 * asks (renderer/src/transport.ts). It knows no names and no calls, and puts nothing into the page's world.
 */
window.addEventListener("message", ({ source, data }) => {
  const name: unknown = (data as { shimyardConnect?: unknown } | null)?.shimyardConnect;
  if (source !== window || typeof name !== "string") return;
  const { port1, port2 } = new MessageChannel();
  ipcRenderer.postMessage("shimyard:port", name, [port2]);
  window.postMessage({ shimyardPort: name }, location.origin, [port1]);
});
