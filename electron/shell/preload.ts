import { ipcRenderer } from "electron";

/**
 * Hands the page one end of a MessagePort whose other end is the core's, whenever the page asks (once
 * a load; renderer/src/transport.ts). It knows no calls, and puts nothing into the page's world.
 */
window.addEventListener("message", ({ source, data }) => {
  if (source !== window || data !== "shimyard:connect") return;
  const { port1, port2 } = new MessageChannel();
  ipcRenderer.postMessage("shimyard:port", null, [port2]);
  window.postMessage("shimyard:port", location.origin, [port1]);
});
