import { z } from "zod";
import { AppError, type ErrorCode } from "#shared/errors";
import { parseJson } from "../base/parse-json.ts";
import type { Response } from "./transport.ts";

/** What was asked of whom, for an error's sentence. */
export interface Asked {
  /** `docker.io`. */
  registry: string;
  /** The repository as docker shows it; absent when the registry as a whole was asked. */
  name?: string;
  /** The thing in it: `tag 3.20`, `digest sha256:...`. */
  what?: string;
  /** Whether credentials were given. */
  signedIn: boolean;
}

/** distribution-spec, "Error Codes". */
const Body = z.object({
  errors: z.array(z.looseObject({ code: z.string().optional(), message: z.string().nullish() })),
});

/** Bytes of an error's body that are read; a proxy may answer with a page. */
const bodyLimit = 64 * 1024;

const statusCodes: Record<number, ErrorCode> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  402: "PERMISSION_DENIED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  405: "UNIMPLEMENTED",
  408: "UNAVAILABLE",
  409: "ABORTED",
  410: "NOT_FOUND",
  413: "RESOURCE_EXHAUSTED",
  415: "UNIMPLEMENTED",
  416: "OUT_OF_RANGE",
  425: "UNAVAILABLE",
  429: "RESOURCE_EXHAUSTED",
  501: "UNIMPLEMENTED",
  507: "RESOURCE_EXHAUSTED",
};

/** A registry's refusal as an error, with its own words in `output`. Reads the response's body to its end. */
export async function responseError(response: Response, asked: Asked): Promise<AppError> {
  const text = await readText(response, bodyLimit).catch(() => "");
  const errors = parseErrors(text);
  const { status } = response;
  const code = statusCodes[status] ?? (status >= 500 ? "UNAVAILABLE" : "UNKNOWN");
  const said = errors.map(({ code, message }) => [code, message].filter(Boolean).join(": "));
  const output = [`HTTP ${status} ${response.statusText}`.trim(), ...said];
  // A page of HTML helps nobody.
  if (said.length === 0 && !/^\s*</.test(text) && text !== "") output.push(text.trim());
  const { message, hint } = sentence(code, errors[0]?.code ?? "", asked, response);
  const subject = asked.name ?? asked.registry;
  return new AppError(code, message, { subject, hint, output: output.join("\n") });
}

/** The body's text, or as much of it as `limit` bytes are. */
export async function readText(response: Response, limit: number): Promise<string> {
  return Buffer.from(await readBytes(response, limit)).toString("utf8");
}

/** The body, cut off at `limit` bytes. */
export async function readBytes(response: Response, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    size += chunk.length;
    // Leaving the loop lets go of the connection.
    if (size >= limit) break;
  }
  return Buffer.concat(chunks).subarray(0, limit);
}

/** What `Retry-After` says, in milliseconds; undefined when it says nothing. */
export function retryAfter(response: Response): number | undefined {
  const value = response.headers.get("retry-after");
  if (value === null) return undefined;
  const wait = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(wait) ? Math.max(0, wait) : undefined;
}

function parseErrors(text: string): { code?: string; message?: string | null }[] {
  return Body.safeParse(parseJson(text)).data?.errors ?? [];
}

function sentence(
  code: ErrorCode,
  registryCode: string,
  asked: Asked,
  response: Response,
): { message: string; hint?: string } {
  const { registry, name = registry, what, signedIn } = asked;
  const thing = what === undefined ? name : `${what} of ${name}`;
  switch (code) {
    case "UNAUTHENTICATED":
      if (signedIn) {
        const message = `${registry} does not accept this sign-in${asked.name ? ` for ${name}` : ""}`;
        return { message, hint: `Sign in to ${registry} again, and check the name.` };
      }
      return asked.name
        ? {
            message: `${name} does not exist, or ${registry} wants a sign-in for it`,
            hint: `Check the name; if it is private, sign in to ${registry}.`,
          }
        : { message: `${registry} wants a sign-in`, hint: `Sign in to ${registry}.` };
    case "PERMISSION_DENIED":
      return {
        message: `${registry} does not allow this with ${name}`,
        hint: signedIn
          ? "Check the name, or ask its owner for access."
          : `Check the name; if it is private, sign in to ${registry}.`,
      };
    case "NOT_FOUND":
      return registryCode === "NAME_UNKNOWN" || what === undefined
        ? { message: `${registry} has no ${name}`, hint: "Check the name." }
        : { message: `There is no ${thing}`, hint: `Check the tag: ${name} may have others.` };
    case "RESOURCE_EXHAUSTED": {
      if (response.status === 413) return { message: `${registry} takes nothing as large as this` };
      if (response.status === 507) return { message: `${registry} has no room left` };
      const wait = retryAfter(response);
      const when = wait === undefined ? "later" : `in ${Math.ceil(wait / 60_000)} minutes`;
      return {
        message: `${registry} limits how much is pulled, and the limit is reached`,
        hint: signedIn ? `Try again ${when}.` : `Sign in to ${registry}, or try again ${when}.`,
      };
    }
    case "UNAVAILABLE":
      return { message: `${registry} can't serve ${thing} now`, hint: "Try again later." };
    case "UNIMPLEMENTED":
      return { message: `${registry} does not support this` };
    default:
      return { message: `${registry} refuses ${thing}` };
  }
}
