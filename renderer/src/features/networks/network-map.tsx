import { Globe, Lock, Unplug } from "lucide-react";
import { memo, useMemo, useState } from "react";
import type { Member, Network } from "#shared/contract/networks";
import { Button, IconButton } from "../../components/button.tsx";
import { cx } from "../../components/cx.ts";
import { count } from "../../components/format.ts";
import { Icon } from "../../components/icon.tsx";
import { PortLinks } from "../../components/port-links.tsx";
import { useContainer } from "../../queries/containers.ts";
import { inspect } from "../../state/selection.ts";
import { sortMembers } from "./network-view.ts";

/** Members shown at first: more than a screen has. */
const shown = 200;

/**
 * The way out at the left, the bridge as a line from there, and on it each container with what it is reached by. A
 * list to who does not see it.
 */
export function NetworkMap(props: {
  network: Network;
  /** The networks that each container is in. */
  places: ReadonlyMap<string, string[]>;
  onDisconnect: (member: Member) => void;
}) {
  const { network, places, onDisconnect } = props;
  const { internal, gateway, members } = network;
  const [all, setAll] = useState(false);
  const sorted = useMemo(() => sortMembers(members), [members]);
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
          {(all ? sorted : sorted.slice(0, shown)).map((member) => (
            <MapNode
              key={member.containerId}
              member={member}
              network={network.id}
              also={(places.get(member.containerId) ?? [])
                .filter((id) => id !== network.id)
                .join(", ")}
              onDisconnect={onDisconnect}
            />
          ))}
          {!all && sorted.length > shown && (
            <li className="map__node">
              <Button variant="link" onClick={() => setAll(true)}>
                {count(sorted.length - shown)} more
              </Button>
            </li>
          )}
        </ul>
      )}
    </div>
  );
}

interface MapNodeProps {
  member: Member;
  network: string;
  /** Its other networks, in words. */
  also: string;
  onDisconnect: (member: Member) => void;
}

/** A network is told whole when one of its members changes: the others are not drawn again. */
const MapNode = memo(
  Node,
  (before, after) =>
    before.network === after.network &&
    before.also === after.also &&
    before.onDisconnect === after.onDisconnect &&
    JSON.stringify(before.member) === JSON.stringify(after.member),
);

function Node(props: MapNodeProps) {
  const { member, network, also, onDisconnect } = props;
  const { containerId, containerName, connected, ip4, ip6, mac, aliases } = member;
  const container = useContainer(containerId);
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
      {also !== "" && <span className="dim">also in {also}</span>}
    </li>
  );
}
