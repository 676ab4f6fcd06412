import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { once } from "node:events";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Scripted, startScripted } from "./registry.stand-in.ts";
import { type Certificate, makeCertificate } from "./testing.ts";
import { send } from "./transport.ts";

/** Its environment is set before the first request: agents are made once in a thread. */
let dir: string;
let certificate: Certificate;
let secure: Server;
let plain: Scripted;
let proxy: Scripted;
/** What the proxy was asked to connect to. */
const tunnels: string[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "shimyard-transport-"));
  certificate = await makeCertificate(dir);
  plain = await startScripted((request, response) => void response.end(`plain ${request.url}`));
  const [key, cert] = await Promise.all([
    readFile(certificate.key),
    readFile(certificate.certificate),
  ]);
  secure = createServer({ key, cert }, (request, response) => {
    if (request.url === "/down") response.writeHead(302, { location: `${plain.url}/secret` });
    response.end(`secure ${request.headers.authorization ?? "nobody"}`);
  });
  secure.listen(0, "127.0.0.1");
  await once(secure, "listening");
  // Whatever name a tunnel is for, it leads to the server with TLS.
  proxy = await startScripted((_, response) => void response.writeHead(500).end());
  proxy.onConnect((request, socket) => {
    tunnels.push(request.url ?? "");
    const upstream = connect(port(), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      upstream.pipe(socket).pipe(upstream);
    });
    for (const end of [upstream, socket]) end.on("error", () => undefined);
  });
  vi.stubEnv("SSL_CERT_FILE", certificate.certificate);
  vi.stubEnv("https_proxy", proxy.url);
  vi.stubEnv("no_proxy", "");
});
afterAll(async () => {
  vi.unstubAllEnvs();
  secure.closeAllConnections();
  secure.close();
  await Promise.all([plain.close(), proxy.close()]);
  await rm(dir, { recursive: true });
});

const port = (): number => (secure.address() as AddressInfo).port;
const base = (): string => `https://127.0.0.1:${port()}`;

test("the system's authorities are trusted, a company's own among them", async () => {
  const headers = { authorization: "Basic x" };
  const response = await send(`${base()}/`, {}, { headers });
  expect(await response.text()).toBe("secure Basic x");
});

test("a redirect from TLS to plain HTTP is not followed", async () => {
  await expect(send(`${base()}/down`, {})).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    message: expect.stringContaining("redirects from TLS to http://127.0.0.1"),
  });
  expect(plain.requests).toEqual([]);
});

test("the environment's proxy is used, but never for this machine", async () => {
  await (await send(`${base()}/`, {})).text();
  expect(tunnels).toEqual([]);
  // The certificate is for another name, and that is seen through the tunnel.
  await expect(send("https://registry.example/v2/", {})).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    message: "registry.example has a certificate for another name",
  });
  const response = await send("https://registry.example/v2/", { unverified: true });
  expect(await response.text()).toBe("secure nobody");
  expect(tunnels).toEqual(["registry.example:443", "registry.example:443"]);
});

test("what is cancelled before it begins is not sent", async () => {
  const signal = AbortSignal.abort();
  await expect(send(plain.url, {}, { signal })).rejects.toMatchObject({ code: "CANCELLED" });
  expect(plain.requests).toEqual([]);
});
