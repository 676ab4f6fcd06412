import { parsePorts } from "../base/port-words.ts";
import type { PortChoice } from "../contract/networks.ts";
import { wrong } from "../run-line/values.ts";
import { type Field, readKeys } from "./field.ts";

/** What a service publishes, in the short form or the long one. */
export function readPorts(field: Field): PortChoice[] {
  return field.items().flatMap((item) => {
    const text = item.isDict ? longText(item) : item.text();
    if (text === undefined) return [];
    const read = item.attempt(() => {
      const parsed = parsePorts(text);
      return parsed.ok ? parsed.ports : wrong(parsed.message);
    });
    return read ?? [];
  });
}

/** The long form as the short one. */
function longText(field: Field): string | undefined {
  const parts: Record<string, string | undefined> = {};
  const take = (value: Field): void => {
    parts[value.path.slice(value.path.lastIndexOf(".") + 1)] = value.text();
  };
  readKeys(
    field,
    "A port",
    { target: take, published: take, host_ip: take, protocol: take },
    {
      vain: {
        mode: "A port is published on this machine",
        name: "A port has no name here",
        app_protocol: "It is only for people and other programs",
      },
    },
  );
  const { target, published, host_ip: ip, protocol } = parts;
  if (target === undefined) {
    field.note("error", "It names no target");
    return undefined;
  }
  const host = ip === undefined ? "" : `${ip.includes(":") ? `[${ip}]` : ip}:`;
  const outside = published === undefined || published === "" ? host && ":" : `${published}:`;
  return `${host}${outside}${target}${protocol === undefined ? "" : `/${protocol}`}`;
}
