import { Plus } from "lucide-react";
import { Button } from "../../components/button.tsx";
import { Page } from "../../components/page.tsx";
import { useRegistries } from "../../queries/registries.ts";
import { openOverlay } from "../../state/overlays.ts";
import { StaleNotice } from "../grid/stale-notice.tsx";
import { ImageViews } from "../images/image-views.tsx";
import { RegistryRow } from "./registry-row.tsx";
import "./registries.css";

/** Where images come from and go to: how each is reached, and as whom. */
export function RegistryList() {
  const registries = useRegistries();
  const { items, status } = registries;
  const rows = [...items.values()].sort(
    // docker.io first: it is where a name without a host goes.
    (a, b) => Number(b.id === "docker.io") - Number(a.id === "docker.io") || (a.id < b.id ? -1 : 1),
  );
  return (
    <Page
      title="Registries"
      heading={<ImageViews />}
      tools={
        <>
          <span className="spacer" />
          <Button icon={Plus} onClick={() => openOverlay({ kind: "registry" })}>
            Add a registry…
          </Button>
        </>
      }
    >
      <StaleNotice of={registries} className="registries__note" />
      {status !== "loading" && (
        <div className="registries" role="table" aria-label="Registries">
          <div className="registries__head registries__cells" role="row">
            <span role="columnheader">Registry</span>
            <span role="columnheader">Signed in</span>
            <span role="columnheader" className="registries__reached">
              Reached
            </span>
            <span role="columnheader">
              <span className="visually-hidden">Actions</span>
            </span>
          </div>
          {rows.map((registry) => (
            <RegistryRow key={registry.id} registry={registry} />
          ))}
          <p className="registries__foot dim">
            A registry that is not listed is reached over HTTPS, without signing in. Those that
            docker or podman signed in to appear here by themselves.
          </p>
        </div>
      )}
    </Page>
  );
}
