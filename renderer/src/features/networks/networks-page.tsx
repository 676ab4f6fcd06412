import { Plus, Waypoints } from "lucide-react";
import { useMemo, useState } from "react";
import { Button } from "../../components/button.tsx";
import { EmptyState } from "../../components/empty-state.tsx";
import { Notice, sentence } from "../../components/error-note.tsx";
import { Page } from "../../components/page.tsx";
import { Waiting } from "../../components/waiting.tsx";
import { useNetworkAbilities, useNetworks } from "../../queries/networks.ts";
import { FilterBox } from "../grid/filter-box.tsx";
import { CreateNetworkDialog } from "./create-network-dialog.tsx";
import { NetworkCard } from "./network-card.tsx";
import { matches, networksByContainer } from "./network-view.ts";
import "./networks.css";

/** Every network as a map: the way out, the bridge, and who hangs on it. */
export function NetworksPage() {
  const networks = useNetworks();
  const abilities = useNetworkAbilities();
  const [filter, setFilter] = useState("");
  const [creating, setCreating] = useState(false);
  const shown = useMemo(
    () =>
      [...networks.items.values()]
        .filter((network) => matches(network, filter))
        .sort((a, b) => Number(b.isDefault) - Number(a.isDefault) || a.id.localeCompare(b.id)),
    [networks, filter],
  );
  const places = useMemo(() => networksByContainer(networks.items.values()), [networks]);
  const unable = abilities && !abilities.bridges.ok ? abilities.bridges.reason : undefined;
  const nameless =
    abilities?.bridges.ok && !abilities.names.ok ? abilities.names.reason : undefined;
  return (
    <Page
      title="Networks"
      tools={
        <>
          <FilterBox
            label="Filter networks"
            title="A part of a name, an address or a container's name"
            value={filter}
            onChange={setFilter}
          />
          <Button
            variant="primary"
            icon={Plus}
            disabledReason={unable && sentence(unable)}
            onClick={() => setCreating(true)}
          >
            New network
          </Button>
        </>
      }
    >
      {unable && (
        <Notice className="networks__notice">
          {sentence(unable)}{" "}
          {abilities?.ports.ok
            ? "Each one reaches the world by itself, and its ports can be published."
            : sentence(abilities?.ports.reason ?? "")}
        </Notice>
      )}
      {nameless && (
        <Notice className="networks__notice" tone="warn">
          Containers find each other by address only: {sentence(nameless)}
        </Notice>
      )}
      {networks.status === "loading" ? (
        <Waiting what="networks" />
      ) : shown.length === 0 ? (
        <EmptyState icon={Waypoints} title={filter ? "No network matches" : "No networks"} />
      ) : (
        <div className="networks">
          {shown.map((network) => (
            <NetworkCard key={network.id} {...{ network, places }} />
          ))}
        </div>
      )}
      {creating && <CreateNetworkDialog onClose={() => setCreating(false)} />}
    </Page>
  );
}
