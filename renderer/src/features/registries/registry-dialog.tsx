import { useState } from "react";
import { Notice } from "../../components/error-note.tsx";
import { Checkbox, TextField } from "../../components/fields.tsx";
import { announce } from "../../components/notices.ts";
import { usePutRegistry, useRegistry } from "../../queries/registries.ts";
import { closeOverlay } from "../../state/overlays.ts";
import { PathField, pathProblem } from "../fields/path-field.tsx";
import { fieldError, RequestForm } from "../fields/request-form.tsx";

/** How a registry is reached: one that is known, or one to add. */
export function RegistryDialog(props: { host?: string | undefined }) {
  const known = useRegistry(props.host ?? "");
  const [host, setHost] = useState(props.host ?? "");
  const [mirrors, setMirrors] = useState(known?.mirrors.join(", ") ?? "");
  const [insecure, setInsecure] = useState(known?.insecure ?? false);
  const [ca, setCa] = useState(known?.ca ?? "");
  const put = usePutRegistry();
  const wanted = host.trim();
  return (
    <RequestForm
      title={props.host === undefined ? "Add a registry" : `How ${props.host} is reached`}
      action={props.host === undefined ? "Add" : "Save"}
      failure="Nothing was changed"
      fields={["host", "mirrors", "ca"]}
      run={put}
      ready={wanted !== "" && pathProblem(ca) === undefined}
      onSubmit={() =>
        put.mutate(
          {
            host: wanted,
            mirrors: mirrors.split(/[\s,]+/).filter(Boolean),
            insecure,
            ca: ca.trim() || undefined,
          },
          {
            onSuccess: () => {
              closeOverlay();
              announce(`${wanted} saved`);
            },
          },
        )
      }
    >
      {props.host === undefined && (
        <TextField
          label="Host"
          mono
          // oxlint-disable-next-line jsx-a11y/no-autofocus
          autoFocus
          placeholder="registry.example:5000"
          value={host}
          onChange={setHost}
          error={fieldError(put, "host")}
          hint="With its port where it has one"
        />
      )}
      <TextField
        label="Mirrors"
        mono
        placeholder="none"
        value={mirrors}
        onChange={setMirrors}
        error={fieldError(put, "mirrors")}
        hint="Hosts that are asked first, in this order, with commas between them"
      />
      <PathField
        label="Certificates to trust"
        picks="file"
        pickTitle="Choose a file of certificates"
        placeholder="the system’s"
        value={ca}
        onChange={setCa}
        error={fieldError(put, "ca")}
        hint="A PEM file, besides those that the system trusts"
      />
      <Checkbox
        checked={insecure}
        onChange={setInsecure}
        label="Do not verify it"
        hint="Plain HTTP, or a certificate that nobody vouches for. 127.0.0.1 needs no leave for plain HTTP."
      />
      {insecure && (
        <Notice tone="warn">
          Anyone on the way to it can read your password and change what you pull, and so run what
          they like here. With its certificate above there is no need for this.
        </Notice>
      )}
    </RequestForm>
  );
}
