import { useMemo, useState } from "react";
import type { Container } from "#shared/contract/containers";
import type { Network } from "#shared/contract/networks";
import { Combobox } from "../../components/combobox.tsx";
import { statusLook } from "../../components/status-mark.tsx";
import { announce } from "../../components/notices.ts";
import { useContainers } from "../../queries/containers.ts";
import { useConnect } from "../../queries/networks.ts";
import { initialNetworkForm, noPlace, toNetworks } from "../create/network-form.ts";
import { PlaceFields } from "../create/network-places.tsx";
import { RequestForm } from "../fields/request-form.tsx";
import "../create/create.css";

/** Who wants another one types on. */
const mostOffered = 50;

/** The containers that are not in a network yet, by name. */
export function useOutside(network: Network): Container[] {
  const { items } = useContainers();
  return useMemo(() => {
    const inside = new Set(network.members.map(({ containerId }) => containerId));
    return [...items.values()]
      .filter(({ id }) => !inside.has(id))
      .sort((a, b) => a.name.localeCompare(b.name));
  }, [items, network.members]);
}

/** Connects a container, with an address and names that are asked for or chosen. */
export function ConnectDialog(props: { network: Network; onClose: () => void }) {
  const { network, onClose } = props;
  const others = useOutside(network);
  const [name, setName] = useState("");
  const [place, setPlace] = useState(noPlace);
  const connect = useConnect();
  const typed = name.trim();
  const container = others.find((each) => each.name === typed);
  const { networks, errors } = toNetworks({
    ...initialNetworkForm,
    names: [network.id],
    places: { [network.id]: place },
  });
  const [choice] = Array.isArray(networks) ? networks : [];
  const edited = (): void => {
    if (connect.isError) connect.reset();
  };
  const member = network.members.find(({ containerName }) => containerName === typed);
  return (
    <RequestForm
      title={`Connect to ${network.id}`}
      description={
        container?.state.status === "running" || container?.state.status === "paused"
          ? "At once: it need not be restarted."
          : "One that runs is connected at once, another when it starts."
      }
      action="Connect"
      failure="Nothing was changed"
      fields={[]}
      run={connect}
      ready={container !== undefined && choice !== undefined}
      onClose={onClose}
      onSubmit={() => {
        if (!container || !choice) return;
        connect.mutate(
          { containerId: container.id, network: choice },
          {
            onSuccess: () => {
              announce(`${container.name} connected to ${network.id}`);
              onClose();
            },
          },
        );
      }}
    >
      <Combobox
        label="Container"
        // oxlint-disable-next-line jsx-a11y/no-autofocus
        autoFocus
        firstChosen
        value={name}
        onChange={(next) => {
          setName(next);
          edited();
        }}
        onPick={(next) => {
          setName(next);
          edited();
        }}
        options={others
          .filter((each) => each.name.toLowerCase().includes(typed.toLowerCase()))
          .slice(0, mostOffered)
          .map((each) => ({
            ...{ value: each.name, label: each.name, detail: statusLook(each.state).word },
          }))}
        error={
          member
            ? `It is in ${network.id} already, at ${member.ip4}`
            : typed !== "" && !others.some((each) => each.name.includes(typed))
              ? "There is no such container"
              : undefined
        }
      />
      <PlaceFields
        network={network}
        place={place}
        onPlace={(next) => {
          setPlace(next);
          edited();
        }}
      />
      {errors?.networks !== undefined && (
        <p className="create__fault" role="alert">
          {errors.networks}
        </p>
      )}
    </RequestForm>
  );
}
