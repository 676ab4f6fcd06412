import { Globe, Lock, Unplug } from "lucide-react";
import type { Member, Network } from "#shared/contract/networks";
import { IconButton } from "../../components/button.tsx";
import { cx } from "../../components/cx.ts";
import { Icon } from "../../components/icon.tsx";
import { PortLinks } from "../../components/port-links.tsx";
import { useContainer } from "../../queries/containers.ts";
import { useNetworks } from "../../queries/networks.ts";
import { inspect } from "../../state/selection.ts";
import { elsewhere, sortMembers } from "./network-view.ts";

/**
 * The way out at the left, the bridge as a line from there, and on it each container with what it is reached by. A
 * list to who does not see it.
 */
export function NetworkMap(props: { network: Network; onDisconnect: (member: Member) => void }) {
  const { network, onDisconnect } = props;
  const { internal, gateway, members } = network;
  return (
    <div className="map">
      <div className="map__out">
        <Icon of={internal ? Lock : Globe} size={16} />
        <span>{internal ? "No way out" : "This machine"}</span>
        <span className="mono dim selectable">{gateway}</span>
      </div>
      {members.length === 0 ? (
        <p className="map__none dim">No container is connected</p>
      ) : (
        <ul className="map__members">
          {sortMembers(members).map((member) => (
            <MapNode
              key={member.containerId}
              member={member}
              network={network.id}
              onDisconnect={onDisconnect}
            />
          ))}
        </ul>
      )}
    </div>
  );
}

function MapNode(props: {
  member: Member;
  network: string;
  onDisconnect: (member: Member) => void;
}) {
  const { member, network, onDisconnect } = props;
  const { containerId, containerName, connected, ip4, ip6, mac, aliases } = member;
  const { items } = useNetworks();
  const container = useContainer(containerId);
  const also = elsewhere(items, containerId, network);
  return (
    <li className={cx("map__node", !connected && "map__node--off")}>
      <div className="map__name">
        <button type="button" className="truncate" onClick={() => inspect(containerId)}>
          {containerName}
        </button>
        <IconButton
          size="small"
          icon={Unplug}
          label={`Disconnect ${containerName} from ${network}`}
          onClick={() => onDisconnect(member)}
        />
      </div>
      <span className="mono muted selectable" title={`${member.interface}, ${mac}`}>
        {ip4}
      </span>
      {ip6 && <span className="mono dim selectable truncate">{ip6}</span>}
      {aliases.length > 0 && <span className="dim truncate">{aliases.join(", ")}</span>}
      {!connected && <span className="dim">not running</span>}
      {container && container.ports.length > 0 && <PortLinks ports={container.ports} />}
      {also.length > 0 && <span className="dim">also in {also.join(", ")}</span>}
    </li>
  );
}
