import { Network, Plus, X } from "lucide-react";
import { useMemo, useState } from "react";
import type { Place, RemoteContainer, RemoteNamespace } from "#shared/contract/remotes";
import { Button, IconButton } from "../../components/button.tsx";
import { ConfirmDialog } from "../../components/dialog.tsx";
import { EmptyState } from "../../components/empty-state.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { Switch } from "../../components/fields.tsx";
import { plural } from "../../components/format.ts";
import { Page } from "../../components/page.tsx";
import { Mark } from "../../components/status-mark.tsx";
import {
  useAllowDelete,
  useForgetPlace,
  usePlaces,
  useRemoteContainers,
} from "../../queries/remotes.ts";
import { FilterBox } from "../grid/filter-box.tsx";
import { AddPlaceDialog } from "./add-place-dialog.tsx";
import { RemoteRow } from "./remote-row.tsx";
import { consequence, ownerNames } from "./remote-state.ts";
import "./remotes.css";

/** Containers of this machine that are not ours: other containerds, docker's and Kubernetes' among them. */
export function RemotesPage() {
  const places = usePlaces();
  const containers = useRemoteContainers();
  const [filter, setFilter] = useState("");
  const [adding, setAdding] = useState(false);
  const rows = useMemo(() => {
    const text = filter.trim().toLowerCase();
    return [...containers.items.values()]
      .filter(({ name, containerId, image, namespace }) =>
        `${name} ${containerId} ${image} ${namespace}`.toLowerCase().includes(text),
      )
      .sort((a, b) => a.name.localeCompare(b.name) || a.id.localeCompare(b.id));
  }, [containers, filter]);
  const all = [...places.items.values()].sort((a, b) => a.id.localeCompare(b.id));
  return (
    <Page
      title="Elsewhere"
      tools={
        <>
          <FilterBox
            label="Filter containers elsewhere"
            title="A part of a name, id, image or namespace"
            value={filter}
            onChange={setFilter}
          />
          <Button icon={Plus} onClick={() => setAdding(true)}>
            Add a containerd…
          </Button>
        </>
      }
    >
      {places.status !== "loading" &&
        (all.length === 0 ? (
          <EmptyState icon={Network} title="No containerd runs here">
            A containerd on this machine, docker's and Kubernetes' too, appears here by itself, with
            its namespaces and containers. One with its socket elsewhere can be added.
          </EmptyState>
        ) : (
          <div className="remotes">
            {all.map((place) => (
              <PlaceSection
                key={place.id}
                place={place}
                rows={rows.filter((row) => row.place === place.id)}
              />
            ))}
          </div>
        ))}
      {adding && <AddPlaceDialog onClose={() => setAdding(false)} />}
    </Page>
  );
}

const placeLooks = {
  connecting: { shape: "spinner", tone: "busy", word: "Connecting" },
  connected: { shape: "dot", tone: "run", word: "Connected" },
  away: { shape: "diamond", tone: "lost", word: "Away" },
} as const;

function PlaceSection(props: { place: Place; rows: RemoteContainer[] }) {
  const { place, rows } = props;
  const { id, status, version, namespaces, found, error } = place;
  const forget = useForgetPlace();
  const { shape, tone, word } = placeLooks[status];
  return (
    <section className="place" aria-label={id}>
      <header className="place__head">
        <b className="mono selectable truncate">{id}</b>
        <span className={`status status--${tone}`}>
          <Mark shape={shape} tone={tone} />
          {word}
        </span>
        {version && <span className="muted num">containerd {version}</span>}
        <span className="place__spacer" />
        {!found && (
          <IconButton
            size="small"
            icon={X}
            label={`Forget ${id}`}
            onClick={() => forget.mutate(id)}
          />
        )}
      </header>
      {forget.error && (
        <ErrorNote title="It was not forgotten" error={forget.error} onDismiss={forget.reset} />
      )}
      {status === "away" && error && <ErrorNote title="It is tried again" error={error} />}
      {status === "connected" && namespaces.length === 0 && (
        <p className="dim">It has no namespaces yet.</p>
      )}
      {status === "connected" &&
        namespaces.map((namespace) => (
          <NamespaceSection
            key={namespace.name}
            place={id}
            namespace={namespace}
            rows={rows.filter((row) => row.namespace === namespace.name)}
          />
        ))}
    </section>
  );
}

function NamespaceSection(props: {
  place: string;
  namespace: RemoteNamespace;
  rows: RemoteContainer[];
}) {
  const { place, namespace, rows } = props;
  const { name, owner, deletable } = namespace;
  const allow = useAllowDelete();
  const [asking, setAsking] = useState(false);
  const set = (on: boolean): void => allow.mutate({ place, namespace: name, allow: on });
  return (
    <div className="namespace">
      <div className="namespace__head">
        <h2>{name}</h2>
        {owner !== "other" && <span className="namespace__owner">{ownerNames[owner]}'s</span>}
        <span className="muted num">{plural(rows.length, "container")}</span>
        <span className="place__spacer" />
        {owner === "shimyard" ? (
          <span className="dim">Changed where they are listed, under Containers</span>
        ) : (
          <Switch
            label="Allow deleting"
            checked={deletable}
            onChange={(on) => (on ? setAsking(true) : set(false))}
          />
        )}
      </div>
      {allow.error && (
        <ErrorNote title="Nothing was changed" error={allow.error} onDismiss={allow.reset} />
      )}
      {rows.length > 0 && (
        <div className="remotes__table" role="table" aria-label={`Containers in ${name}`}>
          <div className="remotes__head remotes__cells" role="row">
            {["", "Name", "State", "Image", "Runtime", "PID", "Age", ""].map((label, index) => (
              <span
                // The first and the last have no label.
                key={label || index}
                role="columnheader"
                className={["PID", "Age"].includes(label) ? "remotes__number" : ""}
              >
                {label || (
                  <span className="visually-hidden">{index === 0 ? "Details" : "Actions"}</span>
                )}
              </span>
            ))}
          </div>
          {rows.map((row) => (
            <RemoteRow key={row.id} container={row} owner={owner} deletable={deletable} />
          ))}
        </div>
      )}
      {asking && (
        <ConfirmDialog
          open
          onOpenChange={setAsking}
          title={`Allow deleting in ${name}?`}
          action="Allow"
          onConfirm={() => set(true)}
        >
          <p>{consequence(owner, "delete")}</p>
        </ConfirmDialog>
      )}
    </div>
  );
}
