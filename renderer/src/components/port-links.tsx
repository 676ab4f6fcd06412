import { portWords } from "#shared/base/port-words";
import type { Container } from "#shared/contract/containers";
import { cx } from "./cx.ts";
import "./port-links.css";

type Port = Container["ports"][number];

/**
 * Published ports; those that a browser can open are links. `inGrid`: on one line, and no stops of the Tab key, which
 * a row of a list has none of.
 */
export function PortLinks(props: { ports: readonly Port[]; inGrid?: boolean }) {
  // An IPv6 port beside the same of IPv4 says nothing more.
  const ports = props.ports.filter(
    (port) =>
      port.hostIp !== "::" ||
      !props.ports.some(
        (other) =>
          other !== port &&
          other.hostPort === port.hostPort &&
          other.protocol === port.protocol &&
          other.hostIp === "0.0.0.0",
      ),
  );
  return (
    <span className={cx("port-links", props.inGrid && "port-links--row")}>
      {ports.map((port) => (
        <PortLink
          key={`${port.hostIp} ${port.hostPort} ${port.protocol}`}
          port={port}
          inGrid={props.inGrid}
        />
      ))}
    </span>
  );
}

function PortLink(props: { port: Port; inGrid: boolean | undefined }) {
  const { port, inGrid } = props;
  const words = portWords(port);
  if (port.protocol === "udp") return <span className="mono">{words}</span>;
  const href = portAddress(port);
  return (
    <a
      className="mono"
      href={href}
      target="_blank"
      rel="noopener noreferrer"
      title={`Open ${href}`}
      tabIndex={inGrid ? -1 : undefined}
      onClick={(event) => {
        event.preventDefault();
        event.stopPropagation();
        window.open(href, "_blank", "noopener,noreferrer");
      }}
    >
      {words}
    </a>
  );
}

/** By loopback where it listens there: what leads to it there leads from no other machine. */
export function portAddress({ hostIp, hostPort, containerPort }: Port): string {
  const every = hostIp === "0.0.0.0" || hostIp === "::";
  const host = every ? "127.0.0.1" : hostIp.includes(":") ? `[${hostIp}]` : hostIp;
  const scheme = containerPort === 443 || containerPort === 8443 ? "https" : "http";
  return `${scheme}://${host}:${hostPort}/`;
}
