import { Plus } from "lucide-react";
import type { Network } from "#shared/contract/networks";
import { IconButton } from "../../components/button.tsx";
import { Menu } from "../../components/menu.tsx";
import { useContainers } from "../../queries/containers.ts";

/** The containers that are not in a network yet, to be connected to it. */
export function ConnectMenu(props: {
  network: Network;
  onConnect: (containerId: string, name: string) => void;
}) {
  const { network, onConnect } = props;
  const { items } = useContainers();
  const inside = new Set(network.members.map(({ containerId }) => containerId));
  const others = [...items.values()]
    .filter(({ id }) => !inside.has(id))
    .sort((a, b) => a.name.localeCompare(b.name));
  const label = `Connect a container to ${network.id}`;
  if (others.length === 0) {
    const reason = items.size === 0 ? "There is no container" : "Every container is in it";
    return <IconButton size="small" icon={Plus} label={label} disabledReason={reason} />;
  }
  return (
    <Menu
      align="end"
      entries={others.map(({ id, name }) => ({
        label: name,
        onSelect: () => onConnect(id, name),
      }))}
    >
      <IconButton size="small" icon={Plus} label={label} />
    </Menu>
  );
}
