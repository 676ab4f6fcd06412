import type { PortChoice } from "../contract/networks.ts";

/** A port that is published, for people: `8080 → 80`, `127.0.0.1:8888`, `53/udp`. */
export function portWords(port: {
  hostIp?: string | undefined;
  hostPort?: number | undefined;
  containerPort: number;
  protocol: string;
}): string {
  const { hostIp, hostPort, containerPort, protocol } = port;
  const every = !hostIp || hostIp === "0.0.0.0" || hostIp === "::";
  const host = hostIp?.includes(":") ? `[${hostIp}]` : hostIp;
  const at = `${every ? "" : `${host}:`}${hostPort || "a free one"}`;
  const inside = containerPort === hostPort ? "" : ` → ${containerPort}`;
  return `${at}${inside}${protocol === "udp" ? "/udp" : ""}`;
}

export type ParsedPorts = { ok: true; ports: PortChoice[] } | { ok: false; message: string };

/**
 * Ports as docker's --publish has them: `[ADDRESS:][HOST:]CONTAINER[/udp]`, where HOST and CONTAINER may be ranges
 * (`8000-8003:80-83`) and an IPv6 address stands in brackets. An empty HOST: a free one is picked.
 */
export function parsePorts(text: string): ParsedPorts {
  const wrong = (message: string): ParsedPorts => ({ ok: false, message });
  const match =
    /^(?:(?<ip>\[[^\]]+\]|\d+\.\d+\.\d+\.\d+):)?(?:(?<host>\d+(?:-\d+)?)?:)?(?<inner>\d+(?:-\d+)?)(?:\/(?<protocol>\w+))?$/.exec(
      text.trim(),
    );
  const { ip, inner = "" } = match?.groups ?? {};
  const protocol = match?.groups?.["protocol"]?.toLowerCase() ?? "tcp";
  // docker's 0 is none, too.
  const host = match?.groups?.["host"] === "0" ? undefined : match?.groups?.["host"];
  if (!match) return wrong(`“${text.trim()}” is no port: write 8080:80, or 80`);
  if (protocol !== "tcp" && protocol !== "udp")
    return wrong(`“${protocol}” is neither tcp nor udp`);
  const inside = range(inner);
  const outside = host === undefined ? undefined : range(host);
  if (!inside || (host !== undefined && !outside)) {
    return wrong(`“${text.trim()}”: a port is between 1 and 65535`);
  }
  if (outside && outside.length !== inside.length) {
    return wrong(`“${text.trim()}”: both ranges must have as many ports`);
  }
  const hostIp = ip?.replace(/^\[|\]$/g, "");
  const ports = inside.map((containerPort, index): PortChoice => ({
    ...(hostIp === undefined ? {} : { hostIp }),
    ...(outside ? { hostPort: outside[index] } : {}),
    ...{ containerPort, protocol },
  }));
  return { ok: true, ports };
}

/** `8000-8003` as its ports; undefined when it has none that there are, or more than a container may publish. */
function range(text: string): number[] | undefined {
  const [first = 0, last = first] = text.split("-").map(Number);
  if (first < 1 || last > 65_535 || last < first || last - first >= 1024) return undefined;
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
