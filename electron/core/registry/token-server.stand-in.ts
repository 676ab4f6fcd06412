import { createPrivateKey, sign, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { readAll, type Scripted, startScripted } from "./registry.stand-in.ts";
import { type Certificate, testUser } from "./testing.ts";

export interface TokenServer extends Scripted {
  /** Seconds that tokens say they are good for. */
  lifetime: number;
}

/**
 * Gives tokens as a registry's token server does, signed so that docker-registry takes them. Anybody may pull
 * from `public/`; for the rest one must be testUser, or have the refresh token "refresh".
 */
export async function startTokenServer(certificate: Certificate): Promise<TokenServer> {
  const key = createPrivateKey(await readFile(certificate.key));
  const { raw } = new X509Certificate(await readFile(certificate.certificate));
  const encode = (value: unknown): string =>
    Buffer.from(JSON.stringify(value)).toString("base64url");
  const basic = `Basic ${Buffer.from(`${testUser.username}:${testUser.password}`).toString("base64")}`;
  const scripted = await startScripted(async (request, response) => {
    const url = new URL(request.url ?? "", "http://token");
    const body = new URLSearchParams((await readAll(request)).toString());
    const { authorization } = request.headers;
    const known = authorization === basic || body.get("refresh_token") === "refresh";
    if (!known && (authorization !== undefined || request.method === "POST")) {
      response.writeHead(401, { "content-type": "application/json" });
      response.end(
        JSON.stringify({ errors: [{ code: "UNAUTHORIZED", message: "wrong password" }] }),
      );
      return;
    }
    const scopes = [...url.searchParams.getAll("scope"), ...(body.get("scope")?.split(" ") ?? [])];
    const access = scopes.filter(Boolean).flatMap((scope) => {
      const [type, name = "", actions = ""] = scope.split(":");
      const allowed = known || (name.startsWith("public/") && actions === "pull");
      return allowed ? [{ type, name, actions: actions.split(",") }] : [];
    });
    const now = Math.floor(Date.now() / 1000);
    const head = encode({ typ: "JWT", alg: "RS256", x5c: [raw.toString("base64")] });
    const claims = encode({
      ...{ iss: "test-issuer", aud: "test-registry", sub: known ? testUser.username : "" },
      ...{ nbf: now - 10, iat: now, exp: now + server.lifetime, jti: `${now}`, access },
    });
    const signature = sign("sha256", Buffer.from(`${head}.${claims}`), key).toString("base64url");
    response.writeHead(200, { "content-type": "application/json" });
    const token = `${head}.${claims}.${signature}`;
    response.end(JSON.stringify({ token, expires_in: server.lifetime }));
  });
  const server: TokenServer = Object.assign(scripted, { lifetime: 300 });
  return server;
}
