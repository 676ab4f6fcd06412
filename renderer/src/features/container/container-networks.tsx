import type { Container, ContainerConfig } from "#shared/contract/containers";
import { KeyValue } from "../../components/key-value.tsx";
import { PortLinks } from "../../components/port-links.tsx";
import { useMemberships } from "../../queries/networks.ts";
import { goTo } from "../../state/layout.ts";

/** Where it is reached: its address in each network, and its published ports. */
export function ContainerNetworks(props: {
  container: Container;
  networks: ContainerConfig["networks"];
}) {
  const { id, ports } = props.container;
  const { networks } = props;
  const shared = typeof networks === "object" && "container" in networks && networks.container;
  const memberships = useMemberships(id);
  return (
    <>
      {shared && <KeyValue name="Network">that of {shared}</KeyValue>}
      {memberships.length > 0 && (
        <KeyValue name="Networks" copy={memberships.map(({ member }) => member.ip4).join(" ")}>
          {memberships.map(({ network, member }) => (
            <span key={network.id} className="overview__network">
              <button type="button" className="events__name" onClick={() => goTo("networks")}>
                {network.id}
              </button>{" "}
              <span className={member.connected ? "mono" : "mono dim"} title={member.mac}>
                {[member.ip4, member.ip6].filter(Boolean).join(" ")}
              </span>
            </span>
          ))}
        </KeyValue>
      )}
      {ports.length > 0 && (
        <KeyValue name="Ports">
          <PortLinks ports={ports} />
        </KeyValue>
      )}
    </>
  );
}
