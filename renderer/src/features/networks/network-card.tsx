import { Plus, Trash2 } from "lucide-react";
import { useCallback, useState } from "react";
import type { Member, Network } from "#shared/contract/networks";
import { IconButton } from "../../components/button.tsx";
import { ConfirmDialog } from "../../components/dialog.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { plural } from "../../components/format.ts";
import { announce } from "../../components/notices.ts";
import { useContainers } from "../../queries/containers.ts";
import { useDisconnect, useRemoveNetwork } from "../../queries/networks.ts";
import { ConnectDialog, useOutside } from "./connect-dialog.tsx";
import { NetworkMap } from "./network-map.tsx";

/** A network: what it is, what can be done with it, and its map. */
export function NetworkCard(props: { network: Network; places: ReadonlyMap<string, string[]> }) {
  const { network, places } = props;
  const { id, subnet, subnet6, internal, isDefault, members, bridge } = network;
  const remove = useRemoveNetwork();
  const disconnect = useDisconnect();
  const [asking, setAsking] = useState(false);
  const [connecting, setConnecting] = useState(false);
  const failed = remove.error ?? disconnect.error;
  const none = useContainers().items.size === 0;
  const outside = useOutside(network).length;
  const { mutate } = disconnect;
  const onDisconnect = useCallback(
    ({ containerId, containerName }: Member) =>
      mutate(
        { containerId, network: id },
        { onSuccess: () => announce(`${containerName} disconnected from ${id}`) },
      ),
    [mutate, id],
  );
  const inTheWay = isDefault
    ? "Containers that name no network are here"
    : members.length > 0 && `Disconnect ${plural(members.length, "container")} first`;
  return (
    <section className="network" aria-label={`Network ${id}`}>
      <header className="network__head">
        <h2>{id}</h2>
        <span className="mono muted selectable">{subnet}</span>
        {subnet6 && <span className="mono muted selectable">{subnet6}</span>}
        {internal && <span className="network__tag">internal</span>}
        {isDefault && <span className="network__tag">default</span>}
        <span className="mono dim network__bridge" title="Its interface on this machine">
          {bridge}
        </span>
        <IconButton
          size="small"
          icon={Plus}
          label={`Connect a container to ${id}`}
          disabledReason={
            outside === 0 && (none ? "There is no container" : "Every container is in it")
          }
          onClick={() => setConnecting(true)}
        />
        <IconButton
          size="small"
          icon={Trash2}
          danger
          label={`Remove ${id}`}
          disabledReason={inTheWay}
          onClick={() => setAsking(true)}
        />
      </header>
      {failed && (
        <ErrorNote
          className="network__error"
          title={remove.error ? "It was not removed" : "Nothing was changed"}
          error={failed}
          onDismiss={() => {
            for (const mutation of [remove, disconnect]) mutation.reset();
          }}
        />
      )}
      <NetworkMap {...{ network, places, onDisconnect }} />
      {connecting && <ConnectDialog network={network} onClose={() => setConnecting(false)} />}
      {asking && (
        <ConfirmDialog
          open
          onOpenChange={setAsking}
          title={`Remove the network ${id}?`}
          action="Remove"
          onConfirm={() => remove.mutate(id, { onSuccess: () => announce(`${id} removed`) })}
        >
          <p>No container is in it. Its subnet {subnet} is free again.</p>
        </ConfirmDialog>
      )}
    </section>
  );
}
