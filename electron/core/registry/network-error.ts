import { AppError, type ErrorCode } from "#shared/errors";

/** Why a connection failed, or broke while it was read, as an error that says what to do. */
export function explainFailure(error: unknown, host: string): AppError {
  if (error instanceof AppError) return error;
  const cause = rootCause(error);
  const code = codeOf(cause);
  const output = [code, cause.message].filter(Boolean).join(": ");
  const make = (kind: ErrorCode, what: string, hint: string): AppError =>
    new AppError(kind, `${host} ${what}`, { subject: host, hint, output }, error);
  if (cause.name === "TimeoutError") {
    return make("DEADLINE_EXCEEDED", "did not answer in time", "Try again later.");
  }
  if (cause.name === "AbortError") {
    return new AppError("CANCELLED", "The operation was cancelled", {}, error);
  }
  // The fetch standard's list of ports that browsers keep away from.
  if (cause.message === "bad port") {
    const hint = "Serve it at another port, such as 5000.";
    return make("FAILED_PRECONDITION", "has a port that is not used for HTTP", hint);
  }
  const known = failures.find(([pattern]) => pattern.test(code));
  if (known) return make(known[1], known[2], known[3]);
  return make("UNAVAILABLE", "broke the connection", "Try again in a moment.");
}

const checkNetwork = "Check the name and the network connection, and try again.";
const giveCa =
  "If it has a certificate authority of its own, name that authority's file in the registry's settings.";

const noTls = /^(ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG|EPROTO)$/;

const failures: [RegExp, ErrorCode, string, string][] = [
  [
    /^ENOTFOUND$|^EAI_/,
    "UNAVAILABLE",
    "was not found: there is no such name in the DNS, or no DNS",
    checkNetwork,
  ],
  [
    /^ECONNREFUSED$/,
    "UNAVAILABLE",
    "refuses connections",
    "Check the port, and that the registry runs.",
  ],
  [
    /^(ENETUNREACH|EHOSTUNREACH|EADDRNOTAVAIL)$/,
    "UNAVAILABLE",
    "can't be reached from here",
    checkNetwork,
  ],
  [/^(UND_ERR_CONNECT_TIMEOUT|ETIMEDOUT)$/, "UNAVAILABLE", "does not answer", checkNetwork],
  [/^UND_ERR_HEADERS_TIMEOUT$/, "DEADLINE_EXCEEDED", "did not answer in time", "Try again later."],
  [
    /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?)$/,
    "FAILED_PRECONDITION",
    "has a certificate that nobody whom this machine trusts has signed",
    giveCa,
  ],
  [
    /^(CERT_HAS_EXPIRED|CERT_NOT_YET_VALID)$/,
    "FAILED_PRECONDITION",
    "has a certificate that is not valid today",
    "Check this machine's clock, and ask the registry's owner to renew the certificate.",
  ],
  [
    /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    "FAILED_PRECONDITION",
    "has a certificate for another name",
    "Use the name that the certificate is for.",
  ],
  [
    noTls,
    "FAILED_PRECONDITION",
    "does not speak TLS",
    "If it serves plain HTTP, and the way to it is safe, allow that in the registry's settings.",
  ],
  [/^(ERR_SSL_|ERR_TLS_|CERT_)/, "FAILED_PRECONDITION", "can't be spoken to over TLS", giveCa],
];

/** Whether this is the failure of a server that speaks plain HTTP where TLS was tried. */
export const isNoTls = (error: unknown): boolean => noTls.test(codeOf(rootCause(error)));

/** Whether a connection was there and broke: the same request may well succeed. */
export const isBroken = (error: unknown): boolean =>
  /^(ECONNRESET|EPIPE|UND_ERR_SOCKET|UND_ERR_BODY_TIMEOUT|HPE_.*)$/.test(codeOf(rootCause(error)));

/** fetch says "fetch failed", and a connection that tried several addresses a list: the reason is inside. */
function rootCause(error: unknown): Error {
  let cause = error instanceof Error ? error : new Error(String(error));
  for (let depth = 0; depth < 8; depth += 1) {
    const inner: unknown =
      cause instanceof AggregateError && cause.errors.length > 0 ? cause.errors[0] : cause.cause;
    if (!(inner instanceof Error)) break;
    cause = inner;
  }
  return cause;
}

function codeOf(error: Error): string {
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : "";
}
